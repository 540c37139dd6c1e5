//! Lets time do its part in what takes a second admin, and does what is approved.

use store::StoreError;

use crate::App;
use crate::rehome::Outcome;

/// Goes through all tenants, and says how many were done.
pub fn run(app: &App) -> Result<u64, StoreError> {
    let now = app.clock.now();
    let mut done = 0;
    for (tenant, approval) in app.store.settle_approvals(now)? {
        let outcome = match approval.kind.as_str() {
            crate::rehome::KIND => crate::rehome::carry_out(app, &tenant, &approval),
            // Whoever asked for it does it: a case is open while it stands approved, until it ends below. Receiving is done by sending.
            _ => continue,
        };
        let (well, words) = match outcome {
            Outcome::Done(word) => (true, word.to_owned()),
            Outcome::Failed(words) => (false, words),
            Outcome::Later(why) => {
                if let Some(why) = why {
                    tracing::warn!(tenant = %tenant.tenant(), request = %approval.id, why, "what was approved waits");
                }
                continue;
            }
        };
        done += u64::from(well);
        app.store.finish_approval(&tenant, approval.id, (well, words), now)?;
    }
    Ok(done + app.store.end_cases(now)?)
}
