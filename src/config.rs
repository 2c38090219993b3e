//! Every tuning number of the library, with the reason for it.

use std::time::Duration;

/// Slots of a queue's first segment: 4 x 64 bytes, so that an idle pipe of two queues stays under 1 kB.
pub const SEGMENT_FIRST: usize = 4;

/// Slots of a queue's largest segment: 16 kB, small enough for the second-level cache with both ends at work, large
/// enough that a segment change is lost among its messages.
pub const SEGMENT_LARGEST: usize = 256;

/// A slot is fetched into the writer's cache so many slots before it is filled: its line was the reader's before, and a processor that waits for
/// it at the time can keep only so many later stores: about one message's, by expectation. Measured: 4 and 8 are alike.
pub const SLOTS_AHEAD: usize = 4;

/// A look into a queue that finds fewer parts than this is a close one.
pub const CLOSE: usize = 16;

/// So many close looks in a row are a stream, not a conversation, in which every second look finds nothing.
pub const CLOSE_LOOKS: u8 = 8;

/// Pause instructions before the next look into a queue whose consumer is close behind the producer. Of 2, 4, 8, 16
/// and 32 this one had the steadiest throughput of 32 and 100 bytes.
pub const CLOSE_PAUSE: u32 = 8;

/// Publications in a row that found the reader of a queue awake, after which the writer no longer exchanges a word
/// with it for each: the reader's next sleep then costs it a membarrier(2). What was saved by then should be about as
/// much (64 times some 20 nanoseconds): an estimate, and other values were not tried.
pub const QUEUE_BURST: u32 = if cfg!(loom) { 2 } else { 64 };

/// Times in a row that one thread must have used a socket, before it needs no locked instruction for it any more;
/// then another thread's use of the socket costs that one a membarrier(2), some microseconds. Twice as many each time
/// another thread came, so that such calls stay few beside the others. Choices, not measurements.
pub const BIAS_AFTER: u32 = if cfg!(loom) { 1 } else { 32 };
pub const BIAS_AFTER_MOST: u32 = 1 << 20;

/// Messages between two reports of the reader of a queue without a limit.
pub const UNLIMITED_STEP: usize = 256;

/// Bytes an I/O thread (or a receiving caller) asks the kernel for at once. A loopback socket delivers up to 64 KiB
/// per wake; reading more at once only moves the data out of the cache.
pub const READ_BUFFER: usize = 128 * 1024;

/// The same for a waiting thread that keeps what it reads, on each connection but one, and the most of such buffers
/// that it has at hand: half of what a write brings, so that 32 of them are a megabyte. Choices, not measurements.
pub const KEEP_BUFFER: usize = 32 * 1024;
pub const KEEP_BUFFERS: usize = 32;

/// A read of a waiting thread that brought so many bytes is decoded message by message as the application asks for them:
/// each is allocated and freed by one thread, and passes no queue. Smaller ones are decoded at once, which keeps the latency of
/// single messages.
pub const FETCH_MINIMUM: usize = 4 * 1024;

/// Encoded bytes collected before a write. Beyond 64 KiB a larger write gains nothing measurable on loopback.
pub const WRITE_BATCH: usize = 64 * 1024;

/// Reads or writes of one link before other links get their turn on an I/O thread.
pub const DRIVE_BUDGET: usize = 8;

/// Two inline writes of one link closer together than this are a burst: the I/O thread takes over and batches. A
/// request-reply exchange is slower than that, a sending loop is much faster. Time in which the thread writes to other links
/// does not count.
pub const INLINE_SEND_GAP: Duration = Duration::from_micros(8);

/// What a call does besides, for a write to one of many links: this does not count either.
pub const INLINE_SEND_STEP: Duration = Duration::from_nanos(500);

/// So many inline writes in a row, each closer to the one before than that, begin a burst: a few messages sent together
/// are still written at once.
pub const INLINE_SEND_RUN: u32 = 4;

/// A thread that waits for so many connections names each of them to poll(2): in a receive those of its socket, in `zmq_poll` those of
/// all its sockets together. Where a socket has more, they count as one, once they are watched together.
pub const ADOPTED_LINKS: usize = 4;

/// Answers and questions of the protocol (PONG, PING) that wait to be sent on one connection.
pub const CONTROLS_MAX: usize = 64;

/// Longest spin before a blocking wait. Waking an idle core of a virtual machine costs 30-60 microseconds. A partner who has
/// to be woken answers after that time: a spin must outlast it, for the two to find out that neither needs to sleep.
pub const SPIN_LIMIT: Duration = Duration::from_micros(80);

/// `zmq_poll` spins for at most so many sockets: each look costs a look at all. A choice, not a measurement.
pub const SPUN_SOCKETS: usize = 4;

/// Turns that whoever needs a half of a connection, or a socket, yields while another thread uses it, and the pause
/// between two tries afterwards.
pub const HOLD_YIELDS: u32 = 64;
pub const HOLD_PAUSE: Duration = Duration::from_micros(50);

/// How soon the I/O thread tries again to drive a half that was held by a thread in a call.
pub const REMIND_AGAIN: Duration = Duration::from_millis(1);

/// How soon the I/O thread tries again to handle the news of a socket that an application thread was using.
pub const ATTEND_AGAIN: Duration = Duration::from_millis(1);

/// How long a listener rests after accept failed for want of descriptors or memory.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Connections accepted by one listener before other work gets its turn.
pub const ACCEPT_BUDGET: usize = 64;

/// One wait in so many spins although recent waits were long, to notice when they get short again.
pub const SPIN_PROBE: u32 = 32;

/// A drive that moved at least so many messages is part of a burst.
pub const NAP_MINIMUM: usize = 4;

/// A limit below this is there to notice early that messages are not taken. What goes past the queue would be hidden
/// by the kernel's buffers.
pub const SMALL_LIMIT: usize = 8;

/// A mandatory ROUTER's sender that does nothing but send to one peer, does not wait, and reaches such a limit again within this time is told so
/// once, even if the peer's side has taken the message meanwhile: the reference looks for room as often as that then. Otherwise an
/// I/O thread that keeps pace with the sender would fill the kernel's buffers before anybody noticed.
pub const LIMIT_AGAIN: Duration = Duration::from_millis(1);

/// In a burst the I/O thread looks at the pipe again after this time, instead of being woken for the next message: one
/// wake-up for some hundred messages, not for a handful.
pub const NAP: Duration = Duration::from_micros(100);

/// A thread that collects messages fast enough to fill a write in so many naps is let: a millisecond in which it never stops
/// sending, longer only when many links nap. Slower ones are asked to write what they have.
pub const NAPS_MAX: usize = 10;

/// So long a thread that was asked to write has until it sends its next message, before the I/O thread writes.
pub const NAP_GRACE: Duration = Duration::from_micros(20);

/// A nap among many lasts as long as a write to each of the links that nap would take: so much for each.
pub const NAP_STEP: Duration = Duration::from_micros(10);

/// How often an I/O thread looks whether a stream that an application thread took over is still being read by it.
pub const LEASE: Duration = Duration::from_millis(10);

/// So many looks may find a stream unread, if as many in a row found it read before: a thread that serves a hundred
/// connections in turn comes round to each of them in this time (4 million messages a second from 100 of them, 2 million
/// when the I/O thread read half of it). Nobody watches the stream for input meanwhile.
pub const LEASE_PATIENCE: u32 = 3;

/// A publisher that reads its connections itself gives them back when it sends, but not again within this time: it hears of
/// subscriptions as soon as in the reference, which looks as often, and one that polls between its messages pays for it seldom.
pub const HEED_STEP: Duration = Duration::from_millis(1);

/// A blocking receive that follows the last one within this time takes the stream over for longer than one call.
pub const LEASE_GAP: Duration = Duration::from_millis(5);

/// A thread that has waited for input within this time, and has not asked for it in other ways since, is taken to
/// wait again once it has emptied the queue: it then reads the rest of the stream itself. A choice: long enough for a
/// thread that has fallen behind many connections.
pub const HAND_OVER: Duration = Duration::from_secs(1);

/// Messages in a row that go to the same peers, before the next ones are laid out once for all of them; a peer takes
/// part only while its limit has room for more than this. A choice, not a measurement.
pub const BUNDLE_AFTER: u32 = 8;

/// Such messages are passed on together when they are so many bytes: two of these make a write, and one stays in the first or second
/// level of the cache while it is copied to each peer.
pub const BUNDLE_BYTES: usize = 30 * 1024;

/// Larger bodies are written from where they are.
pub const BUNDLED_MAX: usize = crate::connection::ZERO_COPY_MIN - 1;

/// Messages, and bytes, that a proxy passes on before it lets go of its sockets for a moment: enough for the way in and out to be lost
/// among them, few enough for an I/O thread not to wait for long. Choices, not measurements.
pub const RELAYED: usize = 128;
pub const RELAYED_BYTES: u64 = 256 * 1024;

/// So often it does that in one direction before the other gets its turn.
pub const RELAYS: usize = 8;

/// Messages that a subscriber looks through in one call without finding one that it wants.
pub const FILTER_BUDGET: usize = 10_000;

/// How long a connection that has sent everything is kept open while the peer's kernel takes nothing of it; ZMQ_LINGER may
/// allow less. Closed earlier, anything that the peer says makes this side's kernel drop what it still holds.
pub const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// How often that is looked at.
pub const CLOSE_STEP: Duration = Duration::from_millis(5);

/// Events that a monitor keeps until its first reader connects.
pub const MONITOR_BACKLOG: usize = 10_000;

/// Links that must have ended before unused memory is given back to the system.
pub const TRIM_AFTER: usize = 256;

/// Pause between the link that reached that number and giving back; when no link ends for so long, none may for a while.
pub const TRIM_DELAY: Duration = Duration::from_millis(100);

/// GSSAPI handshakes of one I/O thread that may wait for a ticket at the same time. A key distribution centre that is
/// not there keeps each of them for seconds.
pub const INITIATE_THREADS: usize = 4;

/// GSSAPI handshakes of one I/O thread in which a client is being checked at the same time: that takes a processor
/// and a file, so more would only give strangers more of the machine. Where Kerberos is configured to ask the name
/// server for the server's own name (`dns_canonicalize_hostname`), it waits for that too.
pub const ACCEPT_THREADS: usize = 1;

/// Steps of handshakes that wait for a helper thread; each may hold 64 KiB of a stranger. Beyond it new ones are sent away.
pub const HELPER_QUEUE: usize = 256;

/// Sizes of small blocks come in steps of a cache line, up to a kilobyte and the block's header: a choice, not a measurement.
pub const BLOCK_STEP: usize = 64;
pub const BLOCK_CLASSES: usize = 17;

/// New memory for bodies of these sizes gets its pages at once (64 KiB gained nothing by that, 1 MiB went twice as fast). A body that is larger, and
/// perhaps never filled, must not take what it does not need.
pub const POPULATE_MIN: usize = 256 * 1024;
pub const POPULATE_MAX: usize = 4 * 1024 * 1024;

/// Bodies of so many bytes and more, and the memory that is kept of them for the next ones: some that are being sent
/// and received, and no more than a general allocator keeps at the end of its heap. Choices, not measurements.
pub const LARGE_MIN: usize = 32 * 1024;
pub const SHELF_BYTES: usize = 4 * 1024 * 1024;

/// Bytes of free blocks that change threads together: about so many messages are freed and allocated for one visit to the depot.
pub const MAGAZINE_BYTES: usize = 4096;

/// The first line of a block is fetched into the cache so many blocks before it is used. A choice, not a measurement.
pub const BLOCKS_AHEAD: usize = 4;

/// Full magazines, and empty ones, that the depot keeps of each size: for bodies of up to 64 bytes, what is on its way through an
/// inproc pipe of the usual limits.
pub const DEPOT_MAGAZINES: usize = 64;

/// Largest block kept by a message that waits for its next content, in bytes. Above, getting memory costs little beside filling
/// it; below it saved an eighth of the processor time of sending and receiving 100 bytes (two noisy processors).
pub const REUSE_MAX: usize = 4096;

/// In a burst the sending thread writes its links' pipes itself whenever about so many bytes are waiting: they are still in
/// its cache, and no other thread has to run. The I/O thread writes what is left at the end.
pub const SEND_CHUNK: usize = 60 * 1024;

/// The same on a connection over which both sides talk: requests and answers of many are on their way at once, and move from process to
/// process in one lump if they fit into one write, while all but one of the processes wait. A proxy of requests (a window of 500, 100 bytes) was fastest
/// with 12 to 20 KiB.
pub const TALK_CHUNK: usize = 16 * 1024;

/// Writes in a row, with nothing heard between them, after which only one side talks.
pub const TALK_WRITES: u32 = 16;

/// What a message counts for besides its body: about its frame's header. Very small ones reach the usual limit of a
/// thousand first; most patterns make room then, and XPUB with ZMQ_XPUB_NODROP lets its user know.
pub const SEND_OVERHEAD: usize = 2;
