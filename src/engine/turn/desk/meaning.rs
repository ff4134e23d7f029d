//! What texts mean, as vectors: from the cache beside the memory, or from the organisation's model,
//! paid for before it is asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::super::EngineError;
use super::Bench;
use crate::domain::credits::Credits;
use crate::domain::ids::Sha;
use crate::domain::model::Model;
use crate::domain::name::ModelKey;
use crate::provider::{CallCost, CallError, CallErrorKind, Embedder};
use crate::record::encode;
use crate::record::turn::Receipt;
use crate::store::{Created, Key, StoreError};
use crate::tool::Meanings;

/// How many vectors are read at once.
const READS_AT_ONCE: usize = 32;

/// The most texts of one call.
const TEXTS_PER_CALL: usize = 64;

/// `agents/<agent>/vectors/<sha256>.json`: a cache, named by the hash of provider, model and text.
#[derive(Debug, Serialize, Deserialize)]
struct VectorFile {
    format: u32,
    model: String,
    vector: Vec<f32>,
}

/// A text that is to be compared, and where its vector lies.
fn place(model: &Model, text: &str) -> Sha {
    Sha::of(&encode(&json!([model.provider, model.base_url, model.model_name, text])))
}

impl Bench<'_> {
    /// The vectors of texts, in their order.
    pub(super) async fn vectors(&mut self, texts: &[String]) -> Result<Meanings, EngineError> {
        let settings = &self.run.settings;
        let Some(key) = &settings.org.value.memory.embeddings else { return Ok(Meanings::Unasked) };
        let Some(model) = settings.models.value.models.get(key) else {
            return Ok(Meanings::Unknown(format!("there is no model {key}")));
        };
        let places: Vec<Sha> = texts.iter().map(|text| place(model, text)).collect();
        let mut known = self.known(&places).await?;
        let mut missing: Vec<(Sha, String)> =
            places.iter().cloned().zip(texts.iter().cloned()).filter(|(place, _)| !known.contains_key(place)).collect();
        missing.sort_unstable();
        missing.dedup();
        if !missing.is_empty() {
            let embedder = match self.run.ctx.providers.open_embedder(key, model).await {
                Ok(embedder) => embedder,
                Err(error) => return Ok(Meanings::Unknown(error.message)),
            };
            for batch in missing.chunks(TEXTS_PER_CALL) {
                let texts: Vec<String> = batch.iter().map(|(_, text)| text.clone()).collect();
                let vectors = match self.ask(key, model, embedder.as_ref(), &texts).await {
                    Ok(vectors) => vectors,
                    Err(why) => return Ok(Meanings::Unknown(why)),
                };
                for ((place, _), vector) in batch.iter().zip(vectors) {
                    let vector = self.keep_vector(place, model, vector).await?;
                    known.insert(place.clone(), vector);
                }
            }
        }
        let vectors = places.iter().filter_map(|place| known.get(place).cloned());
        Ok(Meanings::Vectors(vectors.collect()))
    }

    /// The vectors that are there already.
    async fn known(&self, places: &[Sha]) -> Result<BTreeMap<Sha, Arc<[f32]>>, EngineError> {
        let run = self.run;
        let reads = stream::iter(places.iter().cloned()).map(|place| async move {
            if let Some(vector) = run.ctx.memo.vector(&place) {
                return Ok(Some((place, vector)));
            }
            let bytes = run.ctx.store.get(&Key::Vector(self.due.agent.clone(), place.clone())).await?;
            // What cannot be read is no worse than what is not there.
            let read = bytes.and_then(|bytes| serde_json::from_slice::<VectorFile>(&bytes).ok());
            Ok::<_, StoreError>(read.map(|file| {
                let vector: Arc<[f32]> = file.vector.into();
                run.ctx.memo.keep_vector(place.clone(), Arc::clone(&vector));
                (place, vector)
            }))
        });
        let known: Vec<Option<(Sha, Arc<[f32]>)>> = reads.buffer_unordered(READS_AT_ONCE).try_collect().await?;
        Ok(known.into_iter().flatten().collect())
    }

    /// Asks the model, once: whoever searches finds by words what it does not answer.
    async fn ask(
        &mut self,
        key: &ModelKey,
        model: &Model,
        embedder: &dyn Embedder,
        texts: &[String],
    ) -> Result<Vec<Vec<f32>>, String> {
        let run = self.run;
        let bytes: usize = texts.iter().map(|text| text.len() + 16).sum();
        let worst = model.price.worst(u64::try_from(bytes).unwrap_or(u64::MAX), 0);
        if run.ctx.stop.is_requested() {
            return Err("the runner is about to leave".to_owned());
        }
        if !self.meter.send(worst) {
            return Err("it would not fit what this turn may cost".to_owned());
        }
        let limit = run.settings.org.value.limits.call_timeout.duration();
        let began = run.ctx.clock.now();
        let answer = tokio::select! {
            biased;
            () = run.ctx.stop.requested() => return Err("the runner is about to leave".to_owned()),
            answer = tokio::time::timeout(limit, embedder.embed(&model.model_name, texts)) => answer,
        };
        let answer = answer
            .unwrap_or_else(|_| Err(CallError::new(CallErrorKind::TimedOut, format!("no answer within {limit:?}"))));
        match answer {
            Ok(embedded) => {
                let cost_credits = embedded.usage.map_or(worst, |usage| model.price.of(usage));
                self.meter.settle(worst, cost_credits);
                self.embeddings.push(Receipt {
                    model: key.clone(),
                    provider: model.provider.clone(),
                    model_name: model.model_name.clone(),
                    reported_model: embedded.reported_model,
                    response_id: None,
                    usage: embedded.usage,
                    price: model.price.clone(),
                    cost_credits,
                    duration_ms: run.ms_since(began),
                    attempts: 1,
                    by: run.by.clone(),
                    request: None,
                    reused: false,
                    beside: None,
                });
                Ok(embedded.vectors)
            }
            Err(error) => {
                match error.cost {
                    CallCost::Nothing => self.meter.settle(worst, Credits::ZERO),
                    CallCost::Used(usage) => self.meter.settle(worst, model.price.of(usage)),
                    CallCost::Unknown => {}
                }
                Err(error.message)
            }
        }
    }

    /// Keeps a vector beside the memory, as the first of those that were made of the text.
    async fn keep_vector(&self, place: &Sha, model: &Model, vector: Vec<f32>) -> Result<Arc<[f32]>, EngineError> {
        let run = self.run;
        let file = VectorFile { format: 1, model: model.model_name.clone(), vector };
        // Not canonical: a cache, whose bytes no record names.
        let bytes = Bytes::from(serde_json::to_vec(&file).unwrap_or_default());
        let first = match run.ctx.store.create_own(&Key::Vector(self.due.agent.clone(), place.clone()), bytes).await {
            Ok(Created::Lost(bytes)) => serde_json::from_slice::<VectorFile>(&bytes).ok(),
            // Whether it is kept or not, it is the vector.
            Ok(Created::Won) | Err(StoreError::Uncertain { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let vector: Arc<[f32]> = first.unwrap_or(file).vector.into();
        run.ctx.memo.keep_vector(place.clone(), Arc::clone(&vector));
        Ok(vector)
    }
}
