//! Counts its messages, and knows the number again after a restart.
use airssys::{messaging, storage, Component, Config, Message, Reply, Result};

struct Counter(u64);

impl Component for Counter {
    fn initialize(_: Config) -> Result<Self> {
        Ok(Counter(storage::get_text("count")?.map_or(0, |text| text.parse().unwrap_or(0))))
    }
    fn handle_message(&mut self, message: Message) -> Reply {
        self.0 += 1;
        storage::set("count", self.0.to_string())?;
        if message.payload == b"ask" {
            return messaging::request("peer", "hello", 1000).map(|_| None);
        }
        Ok(Some([self.0.to_string().as_bytes(), b":", &message.payload].concat()))
    }
    fn handle_callback(&mut self, answer: Message) -> Result<()> {
        storage::set("answer", answer.payload)
    }
}
airssys::export!(Counter);
