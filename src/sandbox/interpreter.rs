//! Runs Python code in the interpreter `monty`, which reaches nothing but the three functions given here.
//! Source of what it understands: <https://github.com/pydantic/monty>.

use std::collections::BTreeMap;
use std::time::Duration;

use monty::{MontyRun, RunProgress};
use monty_types::{
    CompileOptions, ExcType, ExtFunctionResult, MontyException, MontyObject, PrintWriter, ResourceLimits,
    ResourceTracker,
};

use super::files::{MAX_CHANGED_BYTES, MAX_CHANGED_FILES, objection};
use super::{Changes, Copied, Limits, Printed, Valued};
use crate::tool::MAX_FILE_BYTES;

/// The functions by which code reaches the workspace.
pub(super) const FUNCTIONS: [&str; 3] = ["list_files", "read_file", "write_file"];

/// How deep functions may call each other. The interpreter uses the stack of the process for some of it.
const MAX_DEPTH: usize = 400;

/// How often the functions may be called.
const MAX_CALLS: usize = 10_000;

/// What is kept of what it prints, of its value and of an exception.
const MAX_TEXT_BYTES: usize = 32 << 10;

/// The files of one run, with its changes.
struct Desk<'a> {
    files: &'a Copied,
    written: BTreeMap<String, String>,
    bytes: usize,
}

/// Runs code until its end.
pub(super) fn run(code: &str, files: &Copied, limits: &Limits) -> Valued {
    let mut desk = Desk { files, written: BTreeMap::new(), bytes: 0 };
    let mut printed = String::new();
    let outcome = interpret(code, &mut desk, limits, &mut printed);
    let shown = |text: String| Printed::of(text.as_bytes(), MAX_TEXT_BYTES);
    let (value, exception) = match outcome {
        Ok(MontyObject::None) => (None, None),
        Ok(value) => (Some(shown(value.py_repr())), None),
        Err(exception) => (None, Some(shown(exception.to_string()))),
    };
    let changes = Changes { written: desk.written, ..Changes::default() };
    Valued { value, exception, stdout: shown(printed), changes }
}

fn interpret(
    code: &str,
    desk: &mut Desk<'_>,
    limits: &Limits,
    printed: &mut String,
) -> Result<MontyObject, MontyException> {
    let names = FUNCTIONS.iter().map(|name| (*name).to_owned()).collect();
    let functions = FUNCTIONS.iter().map(|name| MontyObject::Function { name: (*name).to_owned(), docstring: None });
    let max_print = usize::try_from(limits.output_bytes).unwrap_or(usize::MAX);
    let bounds = ResourceLimits::default()
        // Before the kernel's limit, which says nothing.
        .max_duration(Duration::from_secs(limits.cpu_seconds) / 2)
        .max_recursion_depth(MAX_DEPTH)
        .max_suspensions(MAX_CALLS);
    let run = MontyRun::new(code.to_owned(), "code.py", names, CompileOptions::default())?;
    let mut print = PrintWriter::CollectString(printed, Some(max_print));
    let mut progress = run.start(functions.collect(), ResourceTracker::new(bounds), print.reborrow())?;
    let mut calls = 0;
    loop {
        calls += 1;
        let too_many = || raise(ExcType::RuntimeError, format!("functions of the workspace were called {calls} times"));
        progress = match progress {
            RunProgress::Complete(value) => return Ok(value),
            RunProgress::FunctionCall(call) if calls > MAX_CALLS => call.abort(too_many(), print.reborrow())?,
            RunProgress::FunctionCall(call) => {
                let result = if call.kwargs.is_empty() && call.object_id.is_none() {
                    desk.call(&call.function_name, &call.args)
                } else {
                    Err(raise(ExcType::TypeError, "arguments are given by place, not by name".to_owned()))
                };
                let result = result.map_or_else(ExtFunctionResult::Error, ExtFunctionResult::Return);
                call.resume(result, print.reborrow())?
            }
            RunProgress::OsCall(call) if calls > MAX_CALLS => call.abort(too_many(), print.reborrow())?,
            // No files, no environment, no clock.
            RunProgress::OsCall(call) => {
                let refusal = call.function_call.on_no_handler();
                call.resume(refusal, print.reborrow())?
            }
            RunProgress::NameLookup(lookup) if calls > MAX_CALLS => lookup.abort(too_many(), print.reborrow())?,
            RunProgress::NameLookup(lookup) => {
                let unknown = raise(ExcType::NameError, format!("name '{}' is not defined", lookup.name));
                lookup.resume(monty_types::NameLookupResult::Error(unknown), print.reborrow())?
            }
            RunProgress::ResolveFutures(futures) => {
                let never = raise(ExcType::RuntimeError, "nothing here can be waited for".to_owned());
                futures.abort(never, print.reborrow())?
            }
        };
    }
}

impl Desk<'_> {
    fn call(&mut self, function: &str, arguments: &[MontyObject]) -> Result<MontyObject, MontyException> {
        match (function, arguments) {
            ("list_files", []) => {
                let mut paths: Vec<&String> = self.files.keys().chain(self.written.keys()).collect();
                paths.sort_unstable();
                paths.dedup();
                Ok(MontyObject::List(paths.into_iter().cloned().map(MontyObject::String).collect()))
            }
            ("read_file", [MontyObject::String(path)]) => {
                let text = self.written.get(path).or_else(|| self.files.get(path));
                let missing = || raise(ExcType::FileNotFoundError, format!("there is no file {path:?}"));
                text.cloned().map(MontyObject::String).ok_or_else(missing)
            }
            ("write_file", [MontyObject::String(path), MontyObject::String(text)]) => {
                self.write(path, text).map(|()| MontyObject::None)
            }
            _ => Err(raise(
                ExcType::TypeError,
                "the functions are list_files(), read_file(path) and write_file(path, text), with texts".to_owned(),
            )),
        }
    }

    fn write(&mut self, path: &str, text: &str) -> Result<(), MontyException> {
        if let Some(objection) = objection(path, self.files, &self.written) {
            return Err(raise(ExcType::PermissionError, objection));
        }
        let before = self.written.get(path).map_or(0, String::len);
        let bytes = self.bytes - before + text.len();
        let is_new = !self.written.contains_key(path);
        if text.len() > MAX_FILE_BYTES {
            return Err(raise(ExcType::ValueError, format!("a file has at most {MAX_FILE_BYTES} bytes")));
        }
        if bytes > MAX_CHANGED_BYTES || (is_new && self.written.len() >= MAX_CHANGED_FILES) {
            let message = format!("at most {MAX_CHANGED_FILES} files and {MAX_CHANGED_BYTES} bytes can be written");
            return Err(raise(ExcType::OSError, message));
        }
        self.bytes = bytes;
        self.written.insert(path.to_owned(), text.to_owned());
        Ok(())
    }
}

fn raise(kind: ExcType, message: String) -> MontyException {
    MontyException::new(kind, Some(message))
}
