//! Fuzz target: `fuzz::redfish`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::redfish(data));
