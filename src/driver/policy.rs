//! Whether application threads may drive connections themselves.

fn switched_on(name: &str) -> bool {
    std::env::var_os(name).is_none_or(|value| value != "off")
}

/// False with `ZMQ_OXIDE_INLINE=off`: then I/O threads alone read and write.
pub fn inline_driving() -> bool {
    static ON: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    *ON.get_or_init(|| switched_on("ZMQ_OXIDE_INLINE"))
}

/// False with `ZMQ_OXIDE_SPIN=off`, or on a single processor: then waits sleep at once.
pub fn spinning() -> bool {
    static ON: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    *ON.get_or_init(|| {
        switched_on("ZMQ_OXIDE_SPIN")
            && std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1)
    })
}
