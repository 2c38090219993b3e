//! A value that one thread uses at a time: the in-use flag that every socket carries.
//!
//! It is made for a lock that is nearly always free: an application uses a socket from one thread, and the I/O thread borrows it
//! for a moment (with [`Exclusive::try_lock`]) to clean up after peers that left, or to take back what the socket keeps. A second
//! caller yields until its turn.
//!
//! Taking the flag costs a locked instruction, which waits for all that the thread has written. So the lock is
//! *biased* towards a thread that has taken it many times in a row: that thread says in a word of its own
//! ([`Presence`]) that it is inside, and then looks whether the flag is taken; whoever takes the flag then looks at
//! that word. Each writes one word and reads the other's, so a fence is needed between both; with [`barrier`] the
//! favoured thread's half costs nothing, and a system call of the others pays for both. Other application threads
//! that come end the bias, and each time that happens it takes longer to come back.

use super::presence::{self, Presence};
use super::{AtomicBool, AtomicPtr, Ordering, UnsafeCell, barrier, yield_now};
use crate::config::{BIAS_AFTER, BIAS_AFTER_MOST, HOLD_PAUSE, HOLD_YIELDS};
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr;

/// See the module documentation. In this order: what is looked at first lies together.
#[repr(C)]
pub struct Exclusive<T> {
    busy: AtomicBool,
    /// Who may enter without the flag; changed only by whoever has the flag.
    favoured: AtomicPtr<Presence>,
    /// Reached only by whoever has the flag.
    habits: UnsafeCell<Habits>,
    value: UnsafeCell<T>,
}

/// Who takes the flag, to find out whom to favour.
struct Habits {
    last: *const Presence,
    /// Times that `last` has taken it in a row.
    streak: u32,
    /// Length of a streak that earns the favour.
    needed: u32,
}

/// How a guard came in.
enum Way {
    Flag,
    Favour(&'static Presence),
}

// SAFETY: the value is reached only through a guard, and there is one guard at a time: `busy` admits one, and the
// favoured thread enters only while `busy` is free; see `enter_favoured`. So sharing the cell only ever moves
// exclusive access between threads, which `T: Send` allows. The habits are reached only by whoever has set `busy`.
unsafe impl<T: Send> Sync for Exclusive<T> {}
// SAFETY: owning the cell is owning the value; the pointers among the habits are only compared.
unsafe impl<T: Send> Send for Exclusive<T> {}

impl<T> Exclusive<T> {
    pub fn new(value: T) -> Self {
        Self {
            busy: AtomicBool::new(false),
            favoured: AtomicPtr::new(ptr::null_mut()),
            habits: UnsafeCell::new(Habits { last: ptr::null(), streak: 0, needed: BIAS_AFTER }),
            value: UnsafeCell::new(value),
        }
    }

    /// The value for the favoured thread, if it is the calling one and nobody uses the value now: the way that costs nothing.
    #[inline]
    pub fn enter(&self) -> Option<ExclusiveGuard<'_, T>> {
        self.enter_favoured(presence::existing()?)
    }

    /// The value if nobody uses it now, for a thread that borrows it. The favour ends, so that those who come often
    /// pay for few fences; the favoured thread soon has it again.
    pub fn try_lock(&self) -> Option<ExclusiveGuard<'_, T>> {
        // A look without a fence proves nothing, but is often enough.
        if self.favoured().is_some_and(|favoured| favoured.is_in(self.place())) {
            return None;
        }
        let guard = self.take_flag()?;
        if self.is_entered(presence::existing()) {
            return None;
        }
        self.favour_nobody();
        Some(guard)
    }

    /// Waits for its turn, for a thread that could not [`Exclusive::enter`]; the wait yields the processor, then
    /// sleeps in steps of 50 µs. Calls `contended` when it has to wait.
    #[cold]
    pub fn lock(&self, contended: impl FnMut()) -> ExclusiveGuard<'_, T> {
        self.lock_as(presence::own(), contended)
    }

    fn lock_as(&self, own: Option<&'static Presence>, mut contended: impl FnMut()) -> ExclusiveGuard<'_, T> {
        let mut turns = 0;
        let mut pause = || {
            if turns == 0 {
                contended();
            }
            turns += 1;
            if turns < HOLD_YIELDS || cfg!(loom) { yield_now() } else { std::thread::sleep(HOLD_PAUSE) }
        };
        let guard = loop {
            match self.take_flag() {
                Some(guard) => break guard,
                None => pause(),
            }
        };
        if self.is_entered(own) {
            let favoured = self.favoured();
            while favoured.is_some_and(|favoured| favoured.is_in(self.place())) {
                pause();
            }
        }
        self.learn(own);
        guard
    }

    #[inline]
    fn enter_favoured(&self, own: &'static Presence) -> Option<ExclusiveGuard<'_, T>> {
        // Relaxed: only compared, and looked at again below.
        if !ptr::eq(self.favoured.load(Ordering::Relaxed), own) || !own.is_nowhere() {
            return None;
        }
        own.enter(self.place());
        barrier::light();
        // Either whoever takes the flag now sees where this thread is, or this thread sees the flag; and if it sees
        // the flag free again, it sees all that was done meanwhile (Acquire pairs with the guard's drop), the loss of
        // the favour included.
        if !self.busy.load(Ordering::Acquire) && ptr::eq(self.favoured.load(Ordering::Relaxed), own) {
            return Some(ExclusiveGuard { owner: self, way: Way::Favour(own), _stays: PhantomData });
        }
        own.leave();
        None
    }

    /// Forgets who used the value, before it becomes another one. Nothing happens while it is used.
    pub fn forget_users(&self) {
        if let Some(_guard) = self.take_flag()
            && !self.is_entered(presence::existing())
        {
            self.favour_nobody();
            // SAFETY: only whoever has the flag reaches the habits.
            self.habits.with_mut(|habits| unsafe { (*habits).needed = BIAS_AFTER });
        }
    }

    /// Takes the flag if it is free. The favoured thread may still be inside.
    #[inline]
    fn take_flag(&self) -> Option<ExclusiveGuard<'_, T>> {
        // Acquire pairs with the Release store in the guard's drop.
        self.busy.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).ok()?;
        Some(ExclusiveGuard { owner: self, way: Way::Flag, _stays: PhantomData })
    }

    /// Whether the favoured thread is inside. For whoever has the flag: once this was false it stays so.
    fn is_entered(&self, own: Option<&'static Presence>) -> bool {
        let Some(favoured) = self.favoured() else { return false };
        if !own.is_some_and(|own| ptr::eq(own, favoured)) {
            barrier::heavy();
        }
        favoured.is_in(self.place())
    }

    fn favoured(&self) -> Option<&'static Presence> {
        // SAFETY: a presence is never freed; Acquire pairs with the Release in `learn`, before which it was made.
        unsafe { self.favoured.load(Ordering::Acquire).as_ref() }
    }

    /// For whoever has the flag, while the favoured thread is not inside.
    fn favour_nobody(&self) {
        // Relaxed: shown with the flag's release.
        self.favoured.store(ptr::null_mut(), Ordering::Relaxed);
        // SAFETY: only whoever has the flag reaches the habits.
        self.habits.with_mut(|habits| unsafe { (*habits).streak = 0 });
    }

    /// A thread that uses the value for itself has taken the flag, and has it.
    fn learn(&self, own: Option<&'static Presence>) {
        let own = own.map_or(ptr::null(), ptr::from_ref);
        let comes_between = self.favoured().is_some_and(|favoured| !ptr::eq(favoured, own));
        if comes_between {
            self.favour_nobody();
        }
        // SAFETY: only whoever has the flag reaches the habits.
        let habits = self.habits.with_mut(|habits| unsafe { &mut *habits });
        if comes_between {
            habits.needed = (habits.needed * 2).min(BIAS_AFTER_MOST);
        }
        habits.streak = if ptr::eq(habits.last, own) { habits.streak.saturating_add(1) } else { 1 };
        habits.last = own;
        if habits.streak >= habits.needed && !own.is_null() && barrier::is_available() {
            self.favoured.store(own.cast_mut(), Ordering::Release);
        }
    }

    /// What a presence calls this value.
    #[inline]
    fn place(&self) -> usize {
        ptr::from_ref(self).addr()
    }
}

/// Exclusive access, given back when dropped. It stays on its thread: what it gives back may be that thread's word.
pub struct ExclusiveGuard<'a, T> {
    owner: &'a Exclusive<T>,
    way: Way,
    _stays: PhantomData<*mut ()>,
}

impl<T> Deref for ExclusiveGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this guard is the only one (see `Sync`), and the reference does not outlive it.
        self.owner.value.with(|value| unsafe { &*value })
    }
}

impl<T> DerefMut for ExclusiveGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this guard is the only one (see `Sync`), and the reference does not outlive it.
        self.owner.value.with_mut(|value| unsafe { &mut *value })
    }
}

impl<T> Drop for ExclusiveGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        match self.way {
            Way::Favour(presence) => presence.leave(),
            // Release pairs with the Acquire of whoever enters next.
            Way::Flag => self.owner.busy.store(false, Ordering::Release),
        }
    }
}

#[cfg(test)]
#[path = "exclusive/tests.rs"]
mod tests;
