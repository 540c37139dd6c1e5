//! The server's half of the road: receive, store, list.
