//! Which places the job may see: Landlock.
//!
//! What is not named here cannot be opened, by whatever path: not `/etc/passwd`, not `/proc`, not the organisation's
//! folder. Only the allowed programs can be executed. Source: the kernel's `Documentation/userspace-api/landlock.rst`.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, PathBeneath, PathFd, Ruleset,
    RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope,
};

use super::scratch::{HOME, SHARED};
use crate::sandbox::files::WORKSPACE;

/// What programs need to start: libraries, and data that they come with. Nothing that a system's
/// owner puts there is private.
const SYSTEM: [&str; 9] = [
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/libexec",
    "/usr/share",
    "/usr/local/lib",
    "/nix/store",
    "/etc/ld.so.cache",
];

/// The first version that also guards against cutting files off: Linux 6.2.
const LEAST: ABI = ABI::V3;

/// The newest that this was tested with.
const NEWEST: ABI = ABI::V6;

/// What a job may see beside what programs need to start.
#[derive(Debug, Clone, Copy)]
pub(super) enum Places<'a> {
    /// No place at all.
    None,
    /// The scratch folder that is its directory, and these programs.
    Scratch(&'a [&'a Path]),
    /// The places that a person named for a server, and its scratch folder.
    Named { programs: &'a [PathBuf], reads: &'a [PathBuf], writes: &'a [PathBuf] },
}

/// What servers read of a system's configuration: what time it is here, and how OpenSSL is set up, without which Node does
/// not start.
const CONFIGURATION: [&str; 4] =
    ["/etc/localtime", "/etc/timezone", "/etc/ssl/openssl.cnf", "/etc/pki/tls/openssl.cnf"];

/// Limits this thread, and all that it starts, to these places.
pub(super) fn restrict_places(places: Places<'_>) -> Result<(), String> {
    let restricted = rules(places).and_then(RulesetCreated::restrict_self);
    match restricted {
        Ok(status) if status.ruleset != RulesetStatus::NotEnforced => Ok(()),
        Ok(_) => Err("Landlock is not enforced".to_owned()),
        Err(RulesetError::HandleAccesses(_)) => Err("this kernel does not offer Landlock as of Linux 6.2".to_owned()),
        Err(error) => Err(format!("Landlock cannot be used: {}", crate::causes::causes(&error).join(": "))),
    }
}

fn rules(places: Places<'_>) -> Result<RulesetCreated, RulesetError> {
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(LEAST))?
        // The rest is forbidden by seccomp as well, or does no harm.
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(ABI::V4))?
        .scope(Scope::from_all(NEWEST))?
        .create()?;
    let programs: Vec<&Path> = match places {
        Places::None => return Ok(rules),
        Places::Scratch(programs) => programs.to_vec(),
        Places::Named { programs, .. } => programs.iter().map(PathBuf::as_path).collect(),
    };
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let change = AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::RemoveFile
        | AccessFs::RemoveDir
        | AccessFs::MakeReg
        | AccessFs::MakeDir
        | AccessFs::Refer;
    let execute = AccessFs::ReadFile | AccessFs::Execute;
    for system in SYSTEM {
        rules = allow(rules, Path::new(system), read)?;
    }
    for program in programs {
        rules = allow(rules, program, execute)?;
        if let Some(loader) = loader(program) {
            rules = allow(rules, &loader, execute)?;
        }
    }
    rules = allow(rules, Path::new("/dev/null"), AccessFs::ReadFile | AccessFs::WriteFile)?;
    rules = allow(rules, Path::new("/dev/urandom"), AccessFs::ReadFile.into())?;
    if let Places::Named { reads, writes, .. } = places {
        for file in CONFIGURATION {
            rules = allow(rules, Path::new(file), AccessFs::ReadFile.into())?;
        }
        // Who serves may start what it may read: it can do no more than itself.
        for place in reads {
            rules = allow(rules, place, read | AccessFs::Execute)?;
        }
        for place in writes {
            rules = allow(rules, place, read | change)?;
        }
        return Ok(rules);
    }
    // The scratch folder itself cannot be written to, only what is in these two.
    rules = allow(rules, Path::new("."), AccessFs::ReadDir.into())?;
    rules = allow(rules, Path::new(SHARED), read)?;
    rules = allow(rules, Path::new(HOME), read | change)?;
    allow(rules, Path::new(WORKSPACE), read | change)
}

/// Allows what is there; of a file what can be done with files.
fn allow(rules: RulesetCreated, path: &Path, access: BitFlags<AccessFs>) -> Result<RulesetCreated, RulesetError> {
    let access = if path.is_dir() { access } else { access & AccessFs::from_file(NEWEST) };
    match PathFd::new(path) {
        Ok(place) => rules.add_rule(PathBeneath::new(place, access)),
        Err(_) => Ok(rules),
    }
}

/// The program that the kernel starts to load this one: `PT_INTERP` of an ELF file of 64 bits. Source: elf(5).
fn loader(program: &Path) -> Option<PathBuf> {
    const PT_INTERP: u64 = 3;
    let mut head = Vec::new();
    File::open(program).ok()?.take(64 << 10).read_to_end(&mut head).ok()?;
    let number = |at: usize, bytes: usize| -> Option<u64> {
        let mut little = [0; 8];
        little.get_mut(..bytes)?.copy_from_slice(head.get(at..at.checked_add(bytes)?)?);
        Some(u64::from_le_bytes(little))
    };
    let place = |at: usize, bytes: usize| usize::try_from(number(at, bytes)?).ok();
    if !head.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let (table, size, count) = (place(0x20, 8)?, place(0x36, 2)?, place(0x38, 2)?);
    let entry = (0..count).map(|i| table.saturating_add(i.saturating_mul(size)));
    let at = entry.into_iter().find(|at| number(*at, 4) == Some(PT_INTERP))?;
    let (begin, length) = (place(at.checked_add(8)?, 8)?, place(at.checked_add(32)?, 8)?);
    let name = head.get(begin..begin.checked_add(length)?)?.split(|byte| *byte == 0).next()?;
    Path::new(std::str::from_utf8(name).ok()?).canonicalize().ok()
}
