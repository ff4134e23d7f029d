//! The network is cut in the middle of a tick, at one request after another.

use std::path::Path;
use std::time::Duration;

use crate::bucket::Bucket;
use crate::campaign::place::Place;
use crate::campaign::process::Aim;
use crate::campaign::random::Random;
use crate::campaign::{Course, Network, Plan};
use crate::proxy::{Proxy, Weather};
use crate::server::Server;

/// The requests after which it is cut, from the first to about the last that a tick makes.
const AFTER: [u64; 12] = [0, 1, 2, 5, 10, 16, 24, 34, 46, 60, 75, 90];

/// Who does not answer is given up sooner than an option of the client has it, or the test would take many minutes.
const IMPATIENT: &str = "&timeout=5s";

/// A network that fails in one way for as long as a runner tries.
#[derive(Debug)]
struct Fails {
    proxy: Proxy,
    weather: Weather,
}

impl Network for Fails {
    fn begin(&self, _: &mut Random) -> bool {
        self.proxy.set(self.weather);
        true
    }

    fn end(&self) {
        self.proxy.end();
    }

    fn arrived_late(&self) -> u64 {
        self.proxy.arrived_late()
    }
}

/// A runner whose network fails for good gives up with an error that says so, and the next one finishes its tick: nothing
/// is lost and nothing happens twice, wherever it was cut.
pub fn a_cut_is_an_error_and_the_next_run_finishes(server: &Server, lease: Duration) {
    let for_ms = u64::from(u32::MAX);
    let weathers = AFTER.iter().flat_map(|&after| [Weather::Cut { after, for_ms }, Weather::Silence { after, for_ms }]);
    let cut_off: usize = std::thread::scope(|scope| {
        let cuts: Vec<_> = weathers.map(|weather| scope.spawn(move || cut(server, lease, weather))).collect();
        cuts.into_iter().map(|cut| usize::from(cut.join().expect("an audit"))).sum()
    });
    println!("{}: {cut_off} of {} runners were cut off in the middle of a tick", server.name(), 2 * AFTER.len());
    assert!(cut_off > AFTER.len(), "only {cut_off} runners were cut off");
}

/// Says whether the runner was still at work.
fn cut(server: &Server, lease: Duration, weather: Weather) -> bool {
    let network = Fails { proxy: Proxy::start(server.address(), 0), weather };
    let prefix = format!("cut/{weather:?}").replace([' ', '{', '}', ':', ','], "");
    let place = |_: &Path| Box::new(Bucket::new(server, network.proxy.address(), IMPATIENT, &prefix)) as Box<dyn Place>;
    let plan = Plan {
        visibility: "ordered",
        seed: 0,
        place: &place,
        network: Some(&network),
        lease,
        runners: 1..=1,
        patience: Duration::from_secs(120),
    };
    let mut course = Course::begin(&plan);
    let ended = course.batch(vec![Aim::Never])[0];
    let cut_off = ended.cut_off;
    if cut_off {
        // Whom it could not reach, and what to do; after an unanswered create, what is not known.
        let (address, complaint) = (network.proxy.address().to_string(), ended.complaint()["error"].to_string());
        let helps = complaint.contains("check the network") || complaint.contains("look whether it happened");
        assert!(helps && complaint.contains(&address), "{weather:?}: {complaint}");
    }
    course.in_peace();
    course.finish();
    cut_off
}
