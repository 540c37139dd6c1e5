//! Counts each organisation's people and those who could be restored, for the console's trend; what was read for it is left to the console's pages.

use std::sync::Arc;

use store::{DAY_MILLIS, FleetDay, Standing, StoreError, View};

use crate::App;

/// Counts all organisations as they stand now.
pub fn run(app: &App) -> Result<(), StoreError> {
    let now = app.clock.now();
    let tenants = app.store.tenants()?;
    app.fleets.keep_only(&tenants.iter().map(View::operator).collect::<Vec<_>>());
    for tenant in tenants {
        let view = View::operator(&tenant);
        let before = app.fleets.known(&view);
        let fleet = Arc::new(app.store.fleet(&view, now, before.as_deref())?);
        let day = FleetDay {
            day: now.0.div_euclid(DAY_MILLIS),
            people: fleet.people().len() as u64,
            restorable: fleet.people_with(Standing::Restorable) as u64,
        };
        app.fleets.leave(&view, fleet);
        app.store.note_fleet_day(&tenant, day)?;
    }
    Ok(())
}
