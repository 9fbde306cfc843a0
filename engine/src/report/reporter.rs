//! What a reporter is, and how one stream of events feeds several.

use crate::event::Event;
use crate::text::SourceMap;
use std::io;

/// Turns events into bytes somewhere.
pub trait Reporter {
    /// Takes one event; events of one leaf come in order, those of several leaves interleave.
    fn event(&mut self, event: &Event, sources: &SourceMap) -> io::Result<()>;

    /// Writes what was held back. Called once, also after an interrupted run.
    fn finish(&mut self) -> io::Result<()>;
}

/// A reporter with the name its errors are told under, such as the path of its file.
pub struct Named {
    pub name: String,
    pub reporter: Box<dyn Reporter>,
}

/// Feeds every event to several reporters.
///
/// One that fails, say on a full disk, is left out from then on and the others go on; [`Fanout::finish`] tells its
/// error at the end. One whose reader went away (a broken pipe, as in `faultbox test | head`) just ends.
#[derive(Default)]
pub struct Fanout {
    live: Vec<Named>,
    errors: Vec<String>,
}

impl Fanout {
    pub fn new(reporters: Vec<Named>) -> Fanout {
        Fanout { live: reporters, errors: Vec::new() }
    }

    fn each(&mut self, mut act: impl FnMut(&mut dyn Reporter) -> io::Result<()>) {
        let errors = &mut self.errors;
        self.live.retain_mut(|named| match act(named.reporter.as_mut()) {
            Ok(()) => true,
            Err(error) => {
                if error.kind() != io::ErrorKind::BrokenPipe {
                    errors.push(format!("cannot write {}: {error}", named.name));
                }
                false
            }
        });
    }
}

impl Reporter for Fanout {
    /// Never fails; see [`Fanout::finish`].
    fn event(&mut self, event: &Event, sources: &SourceMap) -> io::Result<()> {
        self.each(|reporter| reporter.event(event, sources));
        Ok(())
    }

    /// Finishes all, then fails when any of them failed; the error's text names each of those.
    fn finish(&mut self) -> io::Result<()> {
        self.each(|reporter| reporter.finish());
        self.live.clear();
        if self.errors.is_empty() {
            return Ok(());
        }
        Err(io::Error::other(std::mem::take(&mut self.errors).join("\n")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::EventKind;
    use std::cell::Cell;
    use std::rc::Rc;
    use std::time::Duration;

    struct Counting {
        seen: Rc<Cell<usize>>,
        error: Option<io::ErrorKind>,
    }

    impl Reporter for Counting {
        fn event(&mut self, _: &Event, _: &SourceMap) -> io::Result<()> {
            self.seen.set(self.seen.get() + 1);
            self.error.map_or(Ok(()), |kind| Err(kind.into()))
        }

        fn finish(&mut self) -> io::Result<()> {
            self.seen.set(self.seen.get() + 10);
            Ok(())
        }
    }

    #[test]
    fn a_failing_reporter_is_named_at_the_end_and_the_others_go_on() {
        let counts: Vec<Rc<Cell<usize>>> = (0..3).map(|_| Rc::default()).collect();
        let errors = [Some(io::ErrorKind::StorageFull), None, Some(io::ErrorKind::BrokenPipe)];
        let named = counts.iter().zip(errors).map(|(seen, error)| Named {
            name: "out.json".to_owned(),
            reporter: Box::new(Counting { seen: seen.clone(), error }),
        });
        let mut fanout = Fanout::new(named.collect());
        let event =
            Event { leaf: None, at: Duration::ZERO, kind: EventKind::Notice { text: "hello".to_owned() } };
        for _ in 0..2 {
            fanout.event(&event, &SourceMap::default()).unwrap();
        }
        let error = fanout.finish().unwrap_err().to_string();
        assert!(error.starts_with("cannot write out.json: ") && error.lines().count() == 1, "{error}");
        assert_eq!(counts.iter().map(|count| count.get()).collect::<Vec<_>>(), [1, 12, 1]);
    }
}
