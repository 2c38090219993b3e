//! When memory of links that are gone is given back to the system: once many have ended, and once more when no more do.

use crate::config::TRIM_AFTER;

/// Links that have ended since memory was last given back. Who keeps it looks again a while after [`note_end`](Self::note_end) or
/// [`look`](Self::look) has asked for that.
#[derive(Default)]
pub struct Trimming {
    ended: usize,
    /// `ended` as it was when the look was asked for that is to come; `None`: none is.
    seen: Option<usize>,
}

/// What is to be done at a look.
#[derive(Debug, PartialEq, Eq)]
pub struct Look {
    pub give_back: bool,
    pub again: bool,
}

impl Trimming {
    /// A link has ended. True: a look is due later.
    pub fn note_end(&mut self) -> bool {
        self.ended += 1;
        let ask = self.seen.is_none() && self.ended >= TRIM_AFTER;
        if ask {
            self.seen = Some(self.ended);
        }
        ask
    }

    /// Few links that end after many are waited for: what they hold may be all that keeps the memory of the others, such as the end of
    /// the table of links.
    pub fn look(&mut self) -> Look {
        let more_ended = self.seen.is_some_and(|seen| self.ended > seen);
        let give_back = self.ended >= TRIM_AFTER || self.ended > 0 && !more_ended;
        if give_back {
            self.ended = 0;
        }
        self.seen = more_ended.then_some(self.ended);
        Look { give_back, again: more_ended }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const NOTHING: Look = Look { give_back: false, again: false };
    const WAIT: Look = Look { give_back: false, again: true };
    const GIVE_BACK: Look = Look { give_back: true, again: false };
    const GIVE_BACK_AND_WAIT: Look = Look { give_back: true, again: true };

    /// How many looks were asked for.
    fn end(trimming: &mut Trimming, links: usize) -> usize {
        (0..links).filter(|_| trimming.note_end()).count()
    }

    #[test]
    fn few_that_end_are_not_looked_at() {
        assert_eq!(end(&mut Trimming::default(), TRIM_AFTER - 1), 0);
    }

    #[test]
    fn many_at_once_are_given_back_at_the_first_look() {
        let mut trimming = Trimming::default();
        assert_eq!(end(&mut trimming, TRIM_AFTER), 1);
        assert_eq!(trimming.look(), GIVE_BACK);
        assert_eq!(end(&mut trimming, TRIM_AFTER), 1, "counting starts anew");
    }

    #[test]
    fn the_last_few_of_many_are_given_back_too() {
        let mut trimming = Trimming::default();
        assert_eq!(end(&mut trimming, 3 * TRIM_AFTER), 1);
        assert_eq!(trimming.look(), GIVE_BACK_AND_WAIT);
        assert_eq!(end(&mut trimming, 3), 0);
        assert_eq!(trimming.look(), WAIT, "more may end");
        assert_eq!(trimming.look(), GIVE_BACK);
        assert_eq!(end(&mut trimming, TRIM_AFTER), 1);
    }

    #[test]
    fn all_that_ended_before_a_look_need_no_other() {
        let mut trimming = Trimming::default();
        end(&mut trimming, TRIM_AFTER + 1);
        assert_eq!(trimming.look(), GIVE_BACK_AND_WAIT);
        assert_eq!(trimming.look(), NOTHING);
        assert_eq!(end(&mut trimming, TRIM_AFTER - 1), 0);
    }

    #[test]
    fn links_that_keep_ending_slowly_do_not_have_it_done_each_time() {
        let mut trimming = Trimming::default();
        end(&mut trimming, TRIM_AFTER + 1);
        assert_eq!(trimming.look(), GIVE_BACK_AND_WAIT);
        for _ in 1..TRIM_AFTER {
            end(&mut trimming, 1);
            assert_eq!(trimming.look(), WAIT);
        }
        end(&mut trimming, 1);
        assert_eq!(trimming.look(), GIVE_BACK_AND_WAIT);
    }
}
