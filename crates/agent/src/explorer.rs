//! Whether Explorer is started anew after a restore or an undo that needs it: by the flag it is, on a terminal the person is asked, and otherwise it
//! is only said. It is never forced: folder windows close with it. Whoever decides later has a verb for it, as the window does.

use clap::Args;
use device::apply::{self, Outcome};
use device::target::RestoreTarget;
use model::envelope::Source;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::here;
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

/// Start Explorer anew, so that restored settings show which it reads only then
#[derive(Debug, Args)]
pub struct RestartExplorerArgs {
    /// Do it; open folder windows close
    #[arg(long, short, conflicts_with = "dry_run")]
    yes: bool,
    /// Only say what would happen; the default
    #[arg(long, short = 'n')]
    dry_run: bool,
}

/// Starts Explorer anew, or says what that would do.
pub fn run(args: &RestartExplorerArgs, run: &Run) -> Result<Exit, Failure> {
    here::restart_explorer(args.yes)?;
    let said = if args.yes {
        "Explorer was started again\n"
    } else {
        "Would start Explorer anew: open folder windows close, the taskbar is gone for a moment, no other program is touched\n"
    };
    run.screen.data(&serde_json::json!({ "restarted": args.yes }), || said.to_owned())?;
    if !args.yes {
        run.screen.hint("nothing was done; add `--yes` to do it");
    }
    Ok(Exit::Success)
}
