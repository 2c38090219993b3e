//! Tests of storage, sharing and release.

use super::*;
use crate::sync::global::{AtomicUsize, Ordering};

unsafe extern "C" fn count(_: *mut c_void, hint: *mut c_void) {
    // SAFETY: every test passes a counter that outlives its messages.
    unsafe { &*hint.cast::<AtomicUsize>() }.fetch_add(1, Ordering::SeqCst);
}

fn user_message(bytes: &mut [u8], freed: &AtomicUsize) -> Message {
    let hint = std::ptr::from_ref(freed).cast_mut().cast();
    // SAFETY: the buffer outlives the message in every test below.
    unsafe { Message::from_user(bytes.as_mut_ptr(), bytes.len(), count, hint) }.unwrap()
}

#[test]
fn bodies_keep_their_bytes_on_both_sides_of_the_inline_limit() {
    for size in [0, 1, 32, 33, 34, 40, 41, 1000, 1 << 20] {
        let bytes: Vec<u8> = (0..size).map(|i| i as u8).collect();
        let message = Message::from_slice(&bytes).unwrap();
        assert_eq!(message.data(), bytes);
        assert_eq!(message.is_indirect(), size > INLINE_MAX);
        assert_eq!(Message::from_vec(bytes.clone()).unwrap().data(), bytes);
    }
}

#[test]
fn a_copy_of_34_bytes_is_shared_and_one_of_33_is_not() {
    for size in [33, 34] {
        let mut message = Message::new();
        message.assign_sized(size).unwrap();
        assert!(!message.is_shared());
        let copy = message.share();
        assert_eq!(copy.is_shared(), size > INLINE_MAX);
        assert_eq!(message.is_shared(), size > INLINE_MAX);
    }
}

#[test]
fn application_memory_is_freed_once_after_the_last_copy() {
    let freed = AtomicUsize::new(0);
    let mut bytes = [7; 10];
    let mut message = user_message(&mut bytes, &freed);
    let copies: Vec<_> = (0..3).map(|_| message.share()).collect();
    drop(message);
    assert_eq!(freed.load(Ordering::SeqCst), 0);
    drop(copies);
    assert_eq!(freed.load(Ordering::SeqCst), 1);
}

#[test]
fn an_impossible_size_is_no_memory() {
    for size in [usize::MAX, usize::MAX - 40, isize::MAX as usize] {
        let mut message = Message::from_slice(&[1; 40]).unwrap();
        assert_eq!(message.assign_sized(size).unwrap_err(), crate::error::Errno::NO_MEMORY);
        assert!(message.is_empty());
    }
}

#[test]
fn closed_and_zeroed_memory_is_not_a_message() {
    let mut memory = std::mem::MaybeUninit::<Message>::zeroed();
    // SAFETY: 64 readable bytes, and `close` only after `is_valid`.
    unsafe {
        assert!(!Message::is_valid(memory.as_ptr()));
        memory.write(Message::from_slice(&[1; 100]).unwrap());
        assert!(Message::is_valid(memory.as_ptr()));
        Message::close(memory.as_mut_ptr());
        assert!(!Message::is_valid(memory.as_ptr()));
    }
}

#[test]
fn sending_forgets_what_receiving_attached() {
    let mut message = Message::from_slice(b"x").unwrap();
    message.add_flags(MORE | SUBSCRIBE);
    message.set_metadata(Some(Arc::new(Metadata::new(Vec::new()))));
    message.prepare_to_send(false);
    assert!(!message.more() && !message.has_flags(SUBSCRIBE) && message.metadata().is_none());
}

#[test]
fn the_first_value_of_a_property_wins() {
    let mut metadata = Metadata::new(b"me".to_vec());
    metadata.insert("X-a", b"1");
    metadata.insert("X-a", b"2");
    metadata.insert("X-b", b"cut\0here");
    assert_eq!(metadata.property("X-a"), Some(c"1"));
    assert_eq!(metadata.property("X-b"), Some(c"cut"));
    assert_eq!(metadata.property("x-a"), None);
}

#[test]
fn a_block_of_a_fitting_size_is_used_again() {
    let mut message = Message::from_slice(&[1; 100]).unwrap();
    message.set_more(true);
    let block = message.data_ptr();
    for size in [100, 70, 64, 128, 100] {
        message.assign(&vec![size as u8; size]).unwrap();
        assert_eq!(message.data(), vec![size as u8; size]);
        assert_eq!(message.data_ptr(), block, "{size} bytes");
        assert!(!message.more());
    }
    // Not for what is much smaller, or larger; what fits inline lies inline.
    for size in [63, 129, 33] {
        let mut message = Message::from_slice(&[1; 100]).unwrap();
        message.assign(&vec![2; size]).unwrap();
        assert_eq!(message.data(), vec![2; size]);
        assert_eq!(message.is_indirect(), size > INLINE_MAX);
    }
}

#[test]
fn a_block_that_others_see_is_left_alone() {
    let mut message = Message::from_slice(&[1; 100]).unwrap();
    let copy = message.share();
    message.assign(&[2; 100]).unwrap();
    assert_eq!(copy.data(), [1; 100]);
    assert!(!message.is_shared());
    let freed = AtomicUsize::new(0);
    let mut bytes = [7; 100];
    let mut message = user_message(&mut bytes, &freed);
    message.assign(&[3; 100]).unwrap();
    assert_eq!((freed.load(Ordering::SeqCst), bytes), (1, [7; 100]));
    let mut message = Message::from_vec(vec![4; 100]).unwrap();
    message.assign(&[5; 90]).unwrap();
    assert_eq!(message.data(), [5; 90]);
}
