//! The device's half of the road: collect, snapshot, seal, upload; list, open, plan, apply.
