//! Whether Explorer is started anew after a restore or an undo that needs it: by the flag it is, on a terminal the person is asked, and otherwise it
//! is only said. It is never forced: folder windows close with it.

use clap::Args;
use device::apply::{self, Outcome};
use device::target::RestoreTarget;
use model::envelope::Source;

use crate::run::Run;

/// The flag.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct ExplorerArgs {
    /// Start Explorer anew without asking if settings need it; open folder windows close
    #[arg(long, requires = "yes")]
    restart_explorer: bool,
}

/// Starts it anew if the run needs it and somebody agrees.
pub fn restart(args: ExplorerArgs, run: &Run, target: &mut dyn RestoreTarget, outcome: &mut Outcome) {
    if target.source() != Source::Live {
        return;
    }
    let question = "Some changes are seen when Explorer starts anew. Do that now? Open folder windows close";
    let mut agree = || args.restart_explorer || run.screen.ask(question);
    apply::restart_explorer(outcome, &mut target.as_target(), &mut agree);
}
