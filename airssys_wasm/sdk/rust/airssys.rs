//! Write a component for the world airssys:core/runtime-host@1.0.0 in Rust.
//!
//! A component is an actor: it keeps its state in a value of yours, is handed one message at a
//! time, and starts again with a fresh value when it trapped (a panic is a trap). A whole one:
//!
//!     use airssys::{Component, Config, Message, Reply, Result};
//!
//!     struct Hello(u32);
//!
//!     impl Component for Hello {
//!         fn initialize(_: Config) -> Result<Self> { Ok(Hello(0)) }
//!         fn handle_message(&mut self, message: Message) -> Reply {
//!             self.0 += 1;
//!             Ok(Some(message.payload))
//!         }
//!     }
//!
//!     airssys::export!(Hello);
//!
//!     $ python -m airssys_wasm.sdk.build hello.rs -o hello.wasm
//!
//! Everything here is owned: nothing points into memory of the host. A host function that is not
//! called is not imported. Rust 1.63 or newer, edition 2021, without other crates.
//!
//! Source of the layouts: Component Model, "CanonicalABI.md".

use std::fmt;
use std::mem::ManuallyDrop;

// ---- Values -------------------------------------------------------------------------------------

/// Who is addressed. An actor that is named plainly, such as "ledger", has only a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Id {
    pub namespace: String,
    pub name: String,
    pub instance: String,
}

impl From<&str> for Id {
    fn from(name: &str) -> Self {
        Id { name: name.into(), ..Id::default() }
    }
}

impl From<&Id> for Id {
    fn from(id: &Id) -> Self {
        id.clone()
    }
}

/// Time since 1970-01-01 00:00 UTC.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time {
    pub seconds: u64,
    pub nanoseconds: u32,
}

/// One message. All of it is set by the host: no sender can pretend to be another.
#[derive(Clone, Debug)]
pub struct Message {
    pub sender: Id,
    pub payload: Vec<u8>,
    /// Of a request, or of the answer to one.
    pub correlation_id: Option<String>,
    pub reply_to: Option<Id>,
    /// Of the delivery.
    pub timestamp: Time,
    /// `application/vnd.airssys.error+json` in a callback says that the request failed.
    pub content_type: Option<String>,
}

/// What the tree file says about this component.
#[derive(Clone, Debug)]
pub struct Config {
    pub env_vars: Vec<(String, String)>,
    /// `config:` of the tree file, as JSON.
    pub data: Option<Vec<u8>>,
    pub max_memory_bytes: u64,
    pub max_execution_time_ms: u64,
    /// For one message.
    pub max_fuel: Option<u64>,
}

/// What a component says of itself.
#[derive(Clone, Debug, Default)]
pub struct Metadata {
    pub name: String,
    pub version: String,
    pub description: String,
    pub author: String,
    pub license: String,
    pub supported_operations: Vec<String>,
    pub stateful: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    Healthy,
    Degraded,
    Unhealthy,
    Unknown,
}

/// What `handle_message` answers: the reply, none, or a failed reply (which is no crash).
pub type Reply = Result<Option<Vec<u8>>>;
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something failed. From `handle_message` it becomes a `runtime-error`, from `initialize`
/// `initialization-failed` and from `shutdown` `shutdown-failed`, with its text. Everything that
/// can be written out becomes one: `Err("no such account")?`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(pub String);

impl From<&str> for Error {
    fn from(text: &str) -> Self {
        Error(text.into())
    }
}

impl From<String> for Error {
    fn from(text: String) -> Self {
        Error(text)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

// ---- What you write -----------------------------------------------------------------------------

/// A component. Hand your type to `airssys::export!`.
pub trait Component: Sized {
    /// The first call. An error is a failed start, with that text as its reason.
    fn initialize(config: Config) -> Result<Self>;
    /// One message. For one that was sent or published nobody waits: the reply is dropped.
    fn handle_message(&mut self, message: Message) -> Reply;
    /// The answer to a request of this component, by its correlation id.
    fn handle_callback(&mut self, _answer: Message) -> Result<()> {
        Ok(())
    }
    fn metadata() -> Metadata {
        Metadata::default()
    }
    fn health(&self) -> Health {
        Health::Healthy
    }
    /// The last call, on an orderly stop only: never after a trap, a limit or a kill.
    fn shutdown(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Makes `$component` what this WebAssembly component runs.
#[macro_export]
macro_rules! export {
    ($component:ty) => {
        static mut COMPONENT: Option<$component> = None;

        #[allow(static_mut_refs, clippy::missing_safety_doc)]
        mod exported {
            use super::{$component as Guest, COMPONENT};
            use $crate::raw;
            use $crate::Component as _;

            #[export_name = "airssys:core/component-lifecycle@1.0.0#initialize"]
            unsafe extern "C" fn initialize(
                variables: *mut raw::Pair,
                count: usize,
                present: u32,
                data: *mut u8,
                length: usize,
                memory: u64,
                time: u64,
                metered: u32,
                fuel: u64,
            ) -> *mut raw::Outcome {
                let config = $crate::Config {
                    env_vars: raw::pairs(variables, count),
                    data: if present != 0 { Some(raw::bytes(data, length)) } else { None },
                    max_memory_bytes: memory,
                    max_execution_time_ms: time,
                    max_fuel: if metered != 0 { Some(fuel) } else { None },
                };
                raw::nothing(Guest::initialize(config).map(|guest| COMPONENT = Some(guest)), 0)
            }

            #[export_name = "airssys:core/component-lifecycle@1.0.0#handle-message"]
            unsafe extern "C" fn handle_message(message: *mut raw::Message) -> *mut raw::Outcome {
                match COMPONENT.as_mut() {
                    Some(guest) => raw::reply(guest.handle_message(raw::message(message))),
                    None => raw::reply(Err("not initialized".into())),
                }
            }

            #[export_name = "airssys:core/component-lifecycle@1.0.0#handle-callback"]
            unsafe extern "C" fn handle_callback(message: *mut raw::Message) -> *mut raw::Outcome {
                match COMPONENT.as_mut() {
                    Some(guest) => raw::nothing(guest.handle_callback(raw::message(message)), 6),
                    None => raw::nothing(Err("not initialized".into()), 6),
                }
            }

            #[export_name = "airssys:core/component-lifecycle@1.0.0#metadata"]
            unsafe extern "C" fn metadata() -> *mut raw::Metadata {
                raw::metadata(Guest::metadata())
            }

            #[export_name = "airssys:core/component-lifecycle@1.0.0#health"]
            unsafe extern "C" fn health() -> u32 {
                COMPONENT.as_ref().map_or($crate::Health::Unknown, |guest| guest.health()) as u32
            }

            #[export_name = "airssys:core/component-lifecycle@1.0.0#shutdown"]
            unsafe extern "C" fn shutdown() -> *mut raw::Outcome {
                match COMPONENT.take() {
                    Some(mut guest) => raw::nothing(guest.shutdown(), 3),
                    None => raw::nothing(Ok(()), 3),
                }
            }

            #[export_name = "cabi_post_airssys:core/component-lifecycle@1.0.0#initialize"]
            unsafe extern "C" fn after_initialize(outcome: *mut raw::Outcome) {
                raw::release(outcome)
            }

            #[export_name = "cabi_post_airssys:core/component-lifecycle@1.0.0#handle-message"]
            unsafe extern "C" fn after_message(outcome: *mut raw::Outcome) {
                raw::release(outcome)
            }

            #[export_name = "cabi_post_airssys:core/component-lifecycle@1.0.0#handle-callback"]
            unsafe extern "C" fn after_callback(outcome: *mut raw::Outcome) {
                raw::release(outcome)
            }

            #[export_name = "cabi_post_airssys:core/component-lifecycle@1.0.0#shutdown"]
            unsafe extern "C" fn after_shutdown(outcome: *mut raw::Outcome) {
                raw::release(outcome)
            }
        }
    };
}

// ---- What the host does for you -----------------------------------------------------------------

/// Messages to other actors. A capability that is not granted is an error whose text begins with
/// "delivery-failed: capability-denied".
pub mod messaging {
    use super::raw::{self, Slice};
    use super::{Error, Id, Result};

    #[link(wasm_import_module = "airssys:core/host-messaging@1.0.0")]
    #[rustfmt::skip]
    extern "C" {
        #[link_name = "send"]
        fn send_(a: *const u8, al: usize, b: *const u8, bl: usize, c: *const u8, cl: usize,
                 data: *const u8, length: usize, to: *mut [u32; 8]);
        #[link_name = "request"]
        fn request_(a: *const u8, al: usize, b: *const u8, bl: usize, c: *const u8, cl: usize,
                    data: *const u8, length: usize, timeout: u64, to: *mut [u32; 8]);
        #[link_name = "cancel-request"]
        fn cancel_request_(id: *const u8, length: usize, to: *mut [u32; 8]);
        #[link_name = "broadcast"]
        fn broadcast_(ids: *const [Slice; 3], count: usize, data: *const u8, length: usize,
                      to: *mut [u32; 8]);
        #[link_name = "self-id"]
        fn self_id_(to: *mut raw::Id);
    }

    const KINDS: [&str; 5] = [
        "delivery-failed",
        "correlation-timeout",
        "invalid-message",
        "queue-full",
        "target-not-found",
    ];

    unsafe fn outcome(words: &[u32; 8]) -> Result<()> {
        match words[0] & 0xff {
            0 => Ok(()),
            _ => {
                let kind = KINDS[(words[1] & 0xff) as usize];
                Err(Error(match words[1] & 0xff {
                    3 => kind.into(),
                    4 => format!("{}: {}", kind, raw::id_at(&words[2..8]).name),
                    _ => format!("{}: {}", kind, raw::text_at(&words[2..4])),
                }))
            }
        }
    }

    /// Delivers and forgets.
    pub fn send(target: impl Into<Id>, payload: impl AsRef<[u8]>) -> Result<()> {
        let (target, bytes, mut words) = (target.into(), payload.as_ref(), [0; 8]);
        let [a, b, c] = raw::parts(&target);
        unsafe {
            send_(
                a.data, a.length, b.data, b.length, c.data, c.length,
                bytes.as_ptr(), bytes.len(), &mut words,
            );
            outcome(&words)
        }
    }

    /// Asks; gives the correlation id. Exactly one `handle_callback` with it follows, unless it is
    /// cancelled.
    pub fn request(
        target: impl Into<Id>,
        payload: impl AsRef<[u8]>,
        timeout_ms: u64,
    ) -> Result<String> {
        let (target, bytes, mut words) = (target.into(), payload.as_ref(), [0; 8]);
        let [a, b, c] = raw::parts(&target);
        unsafe {
            request_(
                a.data, a.length, b.data, b.length, c.data, c.length,
                bytes.as_ptr(), bytes.len(), timeout_ms, &mut words,
            );
            outcome(&words).map(|()| raw::text_at(&words[1..3]))
        }
    }

    /// Takes a request of this component back.
    pub fn cancel_request(correlation_id: &str) -> Result<()> {
        let mut words = [0; 8];
        unsafe {
            cancel_request_(correlation_id.as_ptr(), correlation_id.len(), &mut words);
            outcome(&words)
        }
    }

    /// Sends to all of them or to none.
    pub fn broadcast(targets: &[Id], payload: impl AsRef<[u8]>) -> Result<()> {
        let (bytes, mut words) = (payload.as_ref(), [0; 8]);
        let ids: Vec<[Slice; 3]> = targets.iter().map(raw::parts).collect();
        unsafe {
            broadcast_(ids.as_ptr(), ids.len(), bytes.as_ptr(), bytes.len(), &mut words);
            outcome(&words)
        }
    }

    /// The id of this component.
    pub fn self_id() -> Id {
        unsafe {
            let mut id = std::mem::zeroed();
            self_id_(&mut id);
            raw::id(id)
        }
    }
}

/// Log, clock and directory.
pub mod services {
    use super::raw::{self, Slice};
    use super::{Error, Id, Result, Time};

    #[link(wasm_import_module = "airssys:core/host-services@1.0.0")]
    #[rustfmt::skip]
    extern "C" {
        #[link_name = "log"]
        fn log_(level: u32, text: *const u8, length: usize,
                present: u32, pairs: *const [Slice; 2], count: usize);
        #[link_name = "current-time"]
        fn current_time_(to: *mut Time);
        #[link_name = "current-time-millis"]
        fn current_time_millis_() -> u64;
        #[link_name = "sleep-millis"]
        fn sleep_millis_(duration: u64);
        #[link_name = "list-components"]
        fn list_components_(to: *mut Slice);
        #[link_name = "get-component-metadata"]
        fn metadata_(a: *const u8, al: usize, b: *const u8, bl: usize, c: *const u8, cl: usize,
                     to: *mut [u32; 13]);
    }

    #[derive(Clone, Copy, Debug)]
    pub enum Level {
        Trace,
        Debug,
        Info,
        Warn,
        Error,
    }

    /// What is known of another component.
    #[derive(Clone, Debug)]
    pub struct ComponentInfo {
        pub id: Id,
        pub name: String,
        pub version: String,
        pub health: String,
    }

    /// One record; `context` are its fields.
    pub fn log(level: Level, text: &str, context: &[(&str, &str)]) {
        let pairs: Vec<[Slice; 2]> =
            context.iter().map(|(key, value)| [raw::slice(key), raw::slice(value)]).collect();
        unsafe {
            let present = u32::from(!pairs.is_empty());
            log_(level as u32, text.as_ptr(), text.len(), present, pairs.as_ptr(), pairs.len())
        }
    }

    pub fn current_time() -> Time {
        let mut time = Time { seconds: 0, nanoseconds: 0 };
        unsafe { current_time_(&mut time) }
        time
    }

    pub fn current_time_millis() -> u64 {
        unsafe { current_time_millis_() }
    }

    /// Waits; other actors run meanwhile.
    pub fn sleep_millis(duration: u64) {
        unsafe { sleep_millis_(duration) }
    }

    /// The components that the grants of this one reach.
    pub fn list_components() -> Vec<Id> {
        let mut list = Slice { data: std::ptr::null(), length: 0 };
        unsafe {
            list_components_(&mut list);
            raw::list(list.data as *mut raw::Id, list.length).into_iter().map(|id| raw::id(id)).collect()
        }
    }

    pub fn component_metadata(id: &Id) -> Result<ComponentInfo> {
        const KINDS: [&str; 5] = [
            "initialization-failed",
            "already-initialized",
            "not-initialized",
            "shutdown-failed",
            "invalid-state",
        ];
        let ([a, b, c], mut words) = (raw::parts(id), [0; 13]);
        unsafe {
            metadata_(a.data, a.length, b.data, b.length, c.data, c.length, &mut words);
            if words[0] & 0xff == 0 {
                return Ok(ComponentInfo {
                    id: raw::id_at(&words[1..7]),
                    name: raw::text_at(&words[7..9]),
                    version: raw::text_at(&words[9..11]),
                    health: raw::text_at(&words[11..13]),
                });
            }
            let case = words[1] & 0xff;
            let kind = KINDS[case as usize];
            Err(Error(match case {
                1 | 2 => kind.into(),
                _ => format!("{}: {}", kind, raw::text_at(&words[2..4])),
            }))
        }
    }
}

/// The key-value space of this component. It survives restarts.
pub mod storage {
    use super::raw::{self, Slice};
    use super::{Error, Result};

    #[link(wasm_import_module = "airssys:core/storage@1.0.0")]
    #[rustfmt::skip]
    extern "C" {
        #[link_name = "get"]
        fn get_(key: *const u8, length: usize, to: *mut [u32; 4]);
        #[link_name = "set"]
        fn set_(key: *const u8, length: usize, value: *const u8, size: usize, to: *mut [u32; 4]);
        #[link_name = "delete"]
        fn delete_(key: *const u8, length: usize, to: *mut [u32; 4]);
        #[link_name = "exists"]
        fn exists_(key: *const u8, length: usize, to: *mut [u32; 4]);
        #[link_name = "list-keys"]
        fn list_keys_(present: u32, prefix: *const u8, length: usize, to: *mut [u32; 4]);
        #[link_name = "usage"]
        fn usage_(to: *mut [u64; 4]);
    }

    const KINDS: [&str; 5] =
        ["not-found", "already-exists", "quota-exceeded", "invalid-key", "io-error"];

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Usage {
        pub used_bytes: u64,
        pub quota_bytes: u64,
        pub key_count: u64,
    }

    unsafe fn outcome(words: &[u32; 4]) -> Result<()> {
        match words[0] & 0xff {
            0 => Ok(()),
            _ => Err(failure(words[1] & 0xff, &words[2..4])),
        }
    }

    unsafe fn failure(case: u32, text: &[u32]) -> Error {
        let kind = KINDS[case as usize];
        Error(match case {
            2 => kind.into(),
            _ => format!("{}: {}", kind, raw::text_at(text)),
        })
    }

    /// The value, or None for a key that is not there.
    pub fn get(key: &str) -> Result<Option<Vec<u8>>> {
        let mut words = [0; 4];
        unsafe {
            get_(key.as_ptr(), key.len(), &mut words);
            outcome(&words)?;
            Ok(match words[1] & 0xff {
                0 => None,
                _ => Some(raw::bytes(words[2] as *mut u8, words[3] as usize)),
            })
        }
    }

    /// `get` for text; other bytes than UTF-8 are an error.
    pub fn get_text(key: &str) -> Result<Option<String>> {
        let text = get(key)?.map(String::from_utf8).transpose();
        text.map_err(|_| Error(format!("the value of {} is no UTF-8", key)))
    }

    pub fn set(key: &str, value: impl AsRef<[u8]>) -> Result<()> {
        let (value, mut words) = (value.as_ref(), [0; 4]);
        unsafe {
            set_(key.as_ptr(), key.len(), value.as_ptr(), value.len(), &mut words);
            outcome(&words)
        }
    }

    pub fn delete(key: &str) -> Result<()> {
        let mut words = [0; 4];
        unsafe {
            delete_(key.as_ptr(), key.len(), &mut words);
            outcome(&words)
        }
    }

    pub fn exists(key: &str) -> Result<bool> {
        let mut words = [0; 4];
        unsafe {
            exists_(key.as_ptr(), key.len(), &mut words);
            outcome(&words)?;
        }
        Ok(words[1] & 0xff != 0)
    }

    /// The keys that begin with `prefix`, in order; all of them for "".
    pub fn list_keys(prefix: &str) -> Result<Vec<String>> {
        let mut words = [0; 4];
        unsafe {
            list_keys_(1, prefix.as_ptr(), prefix.len(), &mut words);
            outcome(&words)?;
            let found = raw::list(words[1] as *mut Slice, words[2] as usize);
            Ok(found.into_iter().map(|key| raw::text(key.data as *mut u8, key.length)).collect())
        }
    }

    pub fn usage() -> Result<Usage> {
        let mut words = [0u64; 4];
        unsafe { usage_(&mut words) }
        if words[0] & 0xff == 0 {
            return Ok(Usage { used_bytes: words[1], quota_bytes: words[2], key_count: words[3] });
        }
        let text = [(words[1] >> 32) as u32, words[2] as u32];
        Err(unsafe { failure(words[1] as u32 & 0xff, &text) })
    }
}

// ---- The canonical ABI --------------------------------------------------------------------------

/// How values lie in memory. For `export!`, not for you.
#[doc(hidden)]
#[allow(clippy::missing_safety_doc)]
pub mod raw {
    use super::{ManuallyDrop, Time};
    use std::alloc::{alloc, dealloc, realloc, Layout};

    #[repr(C)]
    #[derive(Clone, Copy)]
    pub struct Slice {
        pub data: *const u8,
        pub length: usize,
    }

    pub type Id = [Slice; 3];
    pub type Pair = [Slice; 2];

    #[repr(C)]
    pub struct Maybe<T> {
        present: u8,
        value: T,
    }

    #[repr(C)]
    pub struct Message {
        sender: Id,
        payload: Slice,
        correlation_id: Maybe<Slice>,
        reply_to: Maybe<Id>,
        timestamp: Time,
        content_type: Maybe<Slice>,
    }

    /// Of every export that can fail: result, then option or error, then a list.
    #[repr(C)]
    pub struct Outcome {
        failed: u8,
        case: u32,
        data: *mut u8,
        length: usize,
    }

    #[repr(C)]
    pub struct Metadata {
        texts: [Slice; 5],
        operations: Slice,
        stateful: bool,
    }

    pub unsafe fn bytes(data: *mut u8, length: usize) -> Vec<u8> {
        match length {
            0 => Vec::new(), // an empty list may point anywhere
            _ => Vec::from_raw_parts(data, length, length),
        }
    }

    pub unsafe fn text(data: *mut u8, length: usize) -> String {
        String::from_utf8_unchecked(bytes(data, length)) // the host gives UTF-8 only
    }

    pub unsafe fn text_at(words: &[u32]) -> String {
        text(words[0] as *mut u8, words[1] as usize)
    }

    pub unsafe fn id_at(words: &[u32]) -> super::Id {
        super::Id {
            namespace: text_at(&words[0..2]),
            name: text_at(&words[2..4]),
            instance: text_at(&words[4..6]),
        }
    }

    pub unsafe fn list<T>(data: *mut T, length: usize) -> Vec<T> {
        match length {
            0 => Vec::new(),
            _ => Vec::from_raw_parts(data, length, length),
        }
    }

    pub unsafe fn id(parts: Id) -> super::Id {
        let [namespace, name, instance] =
            parts.map(|part| text(part.data as *mut u8, part.length));
        super::Id { namespace, name, instance }
    }

    pub unsafe fn pairs(data: *mut Pair, count: usize) -> Vec<(String, String)> {
        let owned = |part: Slice| text(part.data as *mut u8, part.length);
        list(data, count).into_iter().map(|[key, value]| (owned(key), owned(value))).collect()
    }

    pub unsafe fn message(at: *mut Message) -> super::Message {
        let raw = at.read();
        dealloc(at as *mut u8, Layout::new::<Message>());
        let owned = |part: Slice| text(part.data as *mut u8, part.length);
        let maybe = |part: Maybe<Slice>| if part.present != 0 { Some(owned(part.value)) } else { None };
        super::Message {
            sender: id(raw.sender),
            payload: bytes(raw.payload.data as *mut u8, raw.payload.length),
            correlation_id: maybe(raw.correlation_id),
            reply_to: if raw.reply_to.present != 0 { Some(id(raw.reply_to.value)) } else { None },
            timestamp: raw.timestamp,
            content_type: maybe(raw.content_type),
        }
    }

    pub fn slice(text: &str) -> Slice {
        Slice { data: text.as_ptr(), length: text.len() }
    }

    pub fn parts(id: &super::Id) -> [Slice; 3] {
        [slice(&id.namespace), slice(&id.name), slice(&id.instance)]
    }

    static mut OUTCOME: Outcome =
        Outcome { failed: 0, case: 0, data: std::ptr::null_mut(), length: 0 };

    unsafe fn outcome(failed: u8, case: u32, data: Vec<u8>) -> *mut Outcome {
        let mut data = ManuallyDrop::new(data.into_boxed_slice());
        let at = std::ptr::addr_of_mut!(OUTCOME); // one call at a time, freed by `release`
        *at = Outcome { failed, case, data: data.as_mut_ptr(), length: data.len() };
        at
    }

    /// `case` is that of the error, if it is one.
    pub unsafe fn nothing(result: super::Result<()>, case: u32) -> *mut Outcome {
        match result {
            Ok(()) => outcome(0, 0, Vec::new()),
            Err(error) => outcome(1, case, error.0.into_bytes()),
        }
    }

    pub unsafe fn reply(result: super::Reply) -> *mut Outcome {
        match result {
            Ok(None) => outcome(0, 0, Vec::new()),
            Ok(Some(data)) => outcome(0, 1, data),
            Err(error) => outcome(1, 6, error.0.into_bytes()),
        }
    }

    pub unsafe fn release(at: *mut Outcome) {
        drop(bytes((*at).data, (*at).length))
    }

    /// Asked for once or twice in a life, so what it points to is never freed.
    pub unsafe fn metadata(said: super::Metadata) -> *mut Metadata {
        let kept = |text: String| slice(Box::leak(text.into_boxed_str()));
        let operations: Vec<Slice> = said.supported_operations.into_iter().map(kept).collect();
        let operations = Box::leak(operations.into_boxed_slice());
        Box::leak(Box::new(Metadata {
            texts: [said.name, said.version, said.description, said.author, said.license].map(kept),
            operations: Slice { data: operations.as_ptr() as *const u8, length: operations.len() },
            stateful: said.stateful,
        }))
    }

    #[export_name = "cabi_realloc"]
    unsafe extern "C" fn cabi_realloc(
        old: *mut u8,
        old_size: usize,
        align: usize,
        size: usize,
    ) -> *mut u8 {
        if size == 0 {
            return align as *mut u8;
        }
        let block = match old_size {
            0 => alloc(Layout::from_size_align_unchecked(size, align)),
            _ => realloc(old, Layout::from_size_align_unchecked(old_size, align), size),
        };
        if block.is_null() {
            core::arch::wasm32::unreachable()
        }
        block
    }
}
