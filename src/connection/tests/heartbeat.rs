//! Deadlines, on a clock that only moves when told.

use super::*;
use std::time::Instant;

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

#[test]
fn silence_after_a_ping_is_the_end() {
    let start = Instant::now();
    let config = HeartbeatConfig { interval: ms(100), timeout: ms(400), ttl: ms(3000) };
    let mut heartbeat = Heartbeat::new(&config, start);
    assert_eq!(heartbeat.handle_timeout(start), HeartbeatAction::Nothing);
    for ping in 1..5 {
        assert_eq!(heartbeat.poll_timeout(), Some(start + ms(100 * ping)));
        assert_eq!(heartbeat.handle_timeout(start + ms(100 * ping - 1)), HeartbeatAction::Nothing);
        assert_eq!(heartbeat.handle_timeout(start + ms(100 * ping)), HeartbeatAction::SendPing);
        heartbeat.handle_ping_sent(start + ms(100 * ping));
    }
    // 400 ms after the first PING, not the last.
    assert_eq!(heartbeat.poll_timeout(), Some(start + ms(500)));
    assert_eq!(heartbeat.handle_timeout(start + ms(500)), HeartbeatAction::Dead);
}

#[test]
fn any_traffic_is_an_answer() {
    let start = Instant::now();
    let config = HeartbeatConfig { interval: ms(100), timeout: ms(50), ttl: ms(0) };
    let mut heartbeat = Heartbeat::new(&config, start);
    for ping in 1..20 {
        assert_eq!(heartbeat.handle_timeout(start + ms(100 * ping)), HeartbeatAction::SendPing);
        heartbeat.handle_ping_sent(start + ms(100 * ping));
        assert_eq!(heartbeat.poll_timeout(), Some(start + ms(100 * ping + 50)));
        heartbeat.handle_traffic(start + ms(100 * ping + 49));
        assert_eq!(heartbeat.handle_timeout(start + ms(100 * ping + 50)), HeartbeatAction::Nothing);
    }
}

#[test]
fn a_ping_that_has_not_left_asks_for_no_answer() {
    let start = Instant::now();
    let config = HeartbeatConfig { interval: ms(100), timeout: ms(50), ttl: ms(0) };
    let mut heartbeat = Heartbeat::new(&config, start);
    assert_eq!(heartbeat.handle_timeout(start + ms(100)), HeartbeatAction::SendPing);
    for look in 101..2000 {
        let now = start + ms(look);
        assert_eq!(heartbeat.handle_timeout(now), HeartbeatAction::Nothing, "it is there already");
        assert!(heartbeat.poll_timeout().is_some_and(|next| next > now && next <= now + ms(7)));
    }
    heartbeat.handle_ping_sent(start + ms(2000));
    assert_eq!(heartbeat.handle_timeout(start + ms(2049)), HeartbeatAction::SendPing, "that of 2000");
    assert_eq!(heartbeat.handle_timeout(start + ms(2050)), HeartbeatAction::Dead);
}

#[test]
fn time_to_live_asked_for_by_the_peer() {
    let start = Instant::now();
    let mut heartbeat = Heartbeat::new(&HeartbeatConfig::default(), start);
    assert_eq!(heartbeat.poll_timeout(), None);
    heartbeat.handle_ping_ttl(Duration::ZERO, start);
    assert_eq!(heartbeat.poll_timeout(), None);
    heartbeat.handle_ping_ttl(ms(65_600), start);
    assert_eq!(heartbeat.poll_timeout(), Some(start + ms(65_600)));
    assert_eq!(heartbeat.handle_timeout(start + ms(65_599)), HeartbeatAction::Nothing);
    heartbeat.handle_traffic(start + ms(65_599));
    assert_eq!(heartbeat.poll_timeout(), None);
    heartbeat.handle_ping_ttl(ms(1000), start);
    assert_eq!(heartbeat.handle_timeout(start + ms(1000)), HeartbeatAction::Dead);
}

#[test]
fn late_timers_send_one_ping_and_no_burst() {
    let start = Instant::now();
    let config = HeartbeatConfig { interval: ms(100), timeout: ms(0), ttl: ms(0) };
    let mut heartbeat = Heartbeat::new(&config, start);
    assert_eq!(heartbeat.handle_timeout(start + ms(130)), HeartbeatAction::SendPing);
    assert_eq!(heartbeat.poll_timeout(), Some(start + ms(200)));
    assert_eq!(heartbeat.handle_timeout(start + ms(1050)), HeartbeatAction::SendPing);
    assert_eq!(heartbeat.poll_timeout(), Some(start + ms(1150)));
    // Absurd values turn a timer off instead of failing.
    heartbeat.handle_ping_ttl(Duration::MAX, start);
    assert_eq!(heartbeat.poll_timeout(), Some(start + ms(1150)));
}
