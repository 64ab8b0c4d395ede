//! Calls runhooks.wasm, by as many instances as there are calls at the same time. The module is
//! Go's, and asks its host for little: a clock, random bytes, and to be told that there are no
//! files.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread::available_parallelism;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde::{Serialize, de::DeserializeOwned};
use wasmi::{Caller, CompilationMode, Config, Engine, Extern, Linker, Memory, Module, Store, Val};

use crate::Error;

/// Bytes of memory above which an instance is not used again.
const KEEP: usize = 64 << 20;

type Fallible<T> = Result<T, wasmi::Error>;

struct Instance {
    store: Store<Host>,
    instance: wasmi::Instance,
    memory: Memory,
}

/// What the module has written to its standard error.
#[derive(Default)]
struct Host(Vec<u8>);

static MODULE: LazyLock<Fallible<(Module, Linker<Host>)>> = LazyLock::new(|| {
    let mut config = Config::default();
    config.compilation_mode(CompilationMode::Lazy);
    config.set_max_recursion_depth(100_000); // payloads may have 1000 levels
    config.set_max_stack_height(64 << 20);
    let engine = Engine::new(&config);
    let module = Module::new(&engine, include_bytes!("runhooks.wasm"))?;
    let mut linker = Linker::new(&engine);
    for import in module.imports() {
        let (Some(function), name) = (import.ty().func(), import.name().to_owned()) else {
            continue;
        };
        // An import that is there twice is the same function.
        let _ = linker.func_new(
            import.module(),
            import.name(),
            function.clone(),
            move |mut caller: Caller<'_, Host>, arguments: &[Val], results: &mut [Val]| {
                let code = wasi(&name, &mut caller, arguments)?;
                results.iter_mut().for_each(|r| *r = Val::I32(code));
                Ok(())
            },
        );
    }
    Ok((module, linker))
});

/// Does what a function of WASI does, and returns its code.
fn wasi(name: &str, caller: &mut Caller<'_, Host>, arguments: &[Val]) -> Fallible<i32> {
    let argument = |i: usize| match arguments.get(i) {
        Some(Val::I32(v)) => *v as u32 as usize,
        _ => 0,
    };
    let Some(Extern::Memory(memory)) = caller.get_export("memory") else {
        return Ok(52); // ENOSYS
    };
    match name {
        "args_get" | "environ_get" | "sched_yield" | "poll_oneoff" => {}
        "args_sizes_get" | "environ_sizes_get" => {
            memory.write(&mut *caller, argument(0), &[0; 4])?;
            memory.write(&mut *caller, argument(1), &[0; 4])?;
        }
        "clock_time_get" => {
            static START: LazyLock<Instant> = LazyLock::new(Instant::now);
            let now = match argument(0) {
                0 => SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default(),
                _ => START.elapsed(),
            };
            memory.write(
                &mut *caller,
                argument(2),
                &(now.as_nanos() as u64).to_le_bytes(),
            )?;
        }
        "random_get" => {
            // The standard library has no other way to the system's random bytes.
            for done in (0..argument(1)).step_by(8) {
                let bytes = RandomState::new().build_hasher().finish().to_le_bytes();
                let bytes = &bytes[..8.min(argument(1) - done)];
                memory.write(&mut *caller, argument(0) + done, bytes)?;
            }
        }
        "fd_write" => {
            let mut total = 0;
            let (data, host) = memory.data_and_store_mut(&mut *caller);
            for vector in data
                .get(argument(1)..)
                .unwrap_or_default()
                .chunks_exact(8)
                .take(argument(2))
            {
                let number = |i| {
                    vector[i..i + 4]
                        .iter()
                        .rev()
                        .fold(0, |n, &b| n << 8 | b as usize)
                };
                let text = data
                    .get(number(0)..)
                    .and_then(|d| d.get(..number(4)))
                    .unwrap_or_default();
                host.0.extend_from_slice(
                    &text[..text.len().min(4096_usize.saturating_sub(host.0.len()))],
                );
                total += text.len() as u32;
            }
            memory.write(&mut *caller, argument(3), &total.to_le_bytes())?;
        }
        "fd_prestat_get" => return Ok(8), // EBADF: there are no directories
        "proc_exit" => return Err(wasmi::Error::i32_exit(argument(0) as i32)),
        _ => return Ok(52), // ENOSYS
    }
    Ok(0)
}

impl Instance {
    fn new() -> Fallible<Self> {
        let (module, linker) = MODULE
            .as_ref()
            .map_err(|e| wasmi::Error::new(e.to_string()))?;
        let mut store = Store::new(module.engine(), Host::default());
        let instance = linker.instantiate_and_start(&mut store, module)?;
        let memory = instance.get_memory(&store, "memory");
        let memory = memory.ok_or_else(|| wasmi::Error::new("the module has no memory"))?;
        instance
            .get_typed_func::<(), ()>(&store, "_initialize")?
            .call(&mut store, ())?;
        Ok(Self {
            store,
            instance,
            memory,
        })
    }

    fn call(&mut self, name: &str, options: &[u8], payload: &[u8]) -> Fallible<&[u8]> {
        let store = &mut self.store;
        let length =
            |bytes: &[u8]| i32::try_from(bytes.len()).map_err(|e| wasmi::Error::new(e.to_string()));
        let (options_length, payload_length) = (length(options)?, length(payload)?);
        let size = options_length.saturating_add(payload_length);
        let buffer = self
            .instance
            .get_typed_func::<i32, i32>(&*store, "buffer")?;
        let at = buffer.call(&mut *store, size)? as u32 as usize;
        self.memory.write(&mut *store, at, options)?;
        self.memory
            .write(&mut *store, at + options.len(), payload)?;
        let function = self
            .instance
            .get_typed_func::<(i32, i32), i64>(&*store, name)?;
        let place = function.call(&mut *store, (options_length, payload_length))? as u64;
        let text = self.memory.data(&*store).get((place >> 32) as usize..);
        let text = text.and_then(|text| text.get(..place as u32 as usize));
        text.ok_or_else(|| wasmi::Error::new("the answer is not in the memory"))
    }
}

/// Returns the answer of the module to a call.
pub fn call<T: DeserializeOwned>(
    name: &str,
    options: &impl Serialize,
    payload: &[u8],
) -> Result<T, Error> {
    let options = serde_json::to_vec(options).map_err(|e| Error::Options(e.to_string()))?;
    let text = answer(name, &options, payload)?;
    serde_json::from_slice(&text).map_err(|e| match serde_json::from_slice(&text) {
        Ok(Refusal { error }) => Error::Options(error),
        Err(_) => Error::Failed(e.to_string()),
    })
}

#[derive(serde::Deserialize)]
struct Refusal {
    error: String,
}

fn answer(name: &str, options: &[u8], payload: &[u8]) -> Result<Vec<u8>, Error> {
    static IDLE: Mutex<Vec<Instance>> = Mutex::new(Vec::new());
    let idle = || IDLE.lock().unwrap_or_else(PoisonError::into_inner);
    let failed = |e: wasmi::Error| Error::Failed(e.to_string());

    let free = idle().pop();
    let mut instance = free.map_or_else(Instance::new, Ok).map_err(failed)?;
    // An instance that fails is not used again.
    let text = match instance.call(name, options, payload) {
        Ok(text) => text.to_vec(),
        Err(cause) => {
            let said = String::from_utf8_lossy(&instance.store.data().0).into_owned();
            let said = said.lines().next().map(str::to_owned);
            return Err(Error::Failed(said.unwrap_or_else(|| cause.to_string())));
        }
    };
    if instance.memory.data_size(&instance.store) <= KEEP {
        let mut idle = idle();
        if idle.len() < available_parallelism().map_or(1, usize::from) {
            idle.push(instance);
        }
    }
    Ok(text)
}
