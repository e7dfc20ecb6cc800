//! Where each check's proofs are: its exact lines, the server down, hung and talking garbage, IPv6, a name that does not resolve,
//! and no secret in the arguments of a running process. A column that means nothing for a check says why. What holds for all of
//! them (usage, deadline, panic, closed output) is `contract`'s.

use crate::contract::CHECKS;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The columns.
const COLUMNS: [&str; 7] = ["lines", "down", "hung", "garbage", "IPv6", "name", "secret"];

/// Asks this machine only.
const LOCAL: &str = "- asks this machine only";
/// Has no secret.
const OPEN: &str = "- has no secret";
/// Takes addresses, and no names: the resolver may be what has failed.
const NUMBERS: &str = "- takes addresses only";

/// One row for each check: a test's name, or `-` and why there is none.
const PROOFS: &[(&str, [&str; 7])] = &[
    (
        "check_ami",
        [
            "the_exact_line_with_its_performance_data",
            "down_hung_and_garbage",
            "down_hung_and_garbage",
            "down_hung_and_garbage",
            "ipv6_names_and_tls",
            "ipv6_names_and_tls",
            "the_secret_stays_in_its_file",
        ],
    ),
    (
        "check_cluster_status",
        [
            "md16_every_recorded_cluster_has_its_line_and_its_answer_to_a_takeover",
            "every_blind_path_of_every_tool_ends_unknown",
            "every_blind_path_of_every_tool_ends_unknown",
            "every_blind_path_of_every_tool_ends_unknown",
            LOCAL,
            LOCAL,
            OPEN,
        ],
    ),
    (
        "check_db_query",
        [
            "mariadb_answers_and_is_never_written_to",
            "no_server_no_name_and_nonsense_mariadb",
            "no_server_no_name_and_nonsense_postgresql",
            "no_greeting_ends_the_check_in_anything_but_a_line",
            "no_server_no_name_and_nonsense_postgresql",
            "no_server_no_name_and_nonsense_mariadb",
            "no_server_no_name_and_nonsense_mariadb",
        ],
    ),
    (
        "check_db_sync",
        [
            "mariadb_replication_and_everything_that_stops_it",
            "no_server_and_no_name_mariadb",
            "no_server_no_name_and_nonsense_mariadb",
            "no_greeting_ends_the_check_in_anything_but_a_line",
            "no_server_and_no_name_postgresql",
            "no_server_and_no_name_mariadb",
            "no_server_no_name_and_nonsense_postgresql",
        ],
    ),
    (
        "check_disk",
        [
            "each_fault_has_its_line_and_the_rest_is_reported",
            "a_path_without_its_mount_is_critical",
            "a_hung_mount_is_one_critical_line_and_the_rest_is_reported",
            "an_odd_table_is_blindness",
            LOCAL,
            LOCAL,
            OPEN,
        ],
    ),
    (
        "check_failover_ready",
        [
            "each_latent_defect_is_found_on_the_real_node",
            "an_agent_or_a_configuration_that_can_not_be_read_is_unknown",
            "blindness_is_unknown_and_never_ready",
            "an_agent_or_a_configuration_that_can_not_be_read_is_unknown",
            LOCAL,
            LOCAL,
            OPEN,
        ],
    ),
    (
        "check_fence",
        [
            "two_good_levels_are_ok_and_the_power_is_read_not_changed",
            "what_would_fail_on_the_day_is_critical_today",
            "what_would_fail_on_the_day_is_critical_today",
            "what_nobody_could_ask_is_unknown",
            "two_good_levels_are_ok_and_the_power_is_read_not_changed",
            "what_would_fail_on_the_day_is_critical_today",
            "the_deadline_holds_and_no_secret_is_in_the_arguments",
        ],
    ),
    (
        "check_fs_sync",
        [
            "md17_every_kind_of_drift_is_found_and_named",
            "a_peer_that_fails_is_unknown_and_its_words_are_shown",
            "a_peer_that_is_another_machine_or_hangs_is_unknown",
            "a_peer_that_fails_is_unknown_and_its_words_are_shown",
            "a_key_of_its_own_with_a_forced_command_is_all_that_the_check_needs",
            "a_peer_that_fails_is_unknown_and_its_words_are_shown",
            OPEN,
        ],
    ),
    (
        "check_master_alive",
        [
            "a_living_master_is_named_with_its_links",
            "a_dead_master_is_critical_well_within_a_second",
            "a_mute_kernel_is_hung_only_when_the_agent_says_so_too",
            "without_the_agent_nobody_is_accused",
            "pings_go_over_the_named_interface_only",
            NUMBERS,
            OPEN,
        ],
    ),
    (
        "check_network_failover",
        [
            "md16_the_masters_dead_network_is_critical_while_ours_lives",
            "a_network_that_is_dead_here_too_is_no_reason_to_move",
            "witnesses_speak_ipv6_and_a_mute_server_lives",
            "every_blind_path_ends_unknown",
            "witnesses_speak_ipv6_and_a_mute_server_lives",
            NUMBERS,
            OPEN,
        ],
    ),
    (
        "check_raid",
        [
            "md16_every_recorded_state_has_its_line_and_only_severe_ones_may_move",
            "without_any_raid_it_is_unknown_or_ok_as_wanted",
            "a_hung_tool_is_unknown_at_the_deadline_and_does_not_stay_behind",
            "every_blind_path_of_every_tool_ends_unknown",
            LOCAL,
            LOCAL,
            OPEN,
        ],
    ),
    (
        "check_rsync",
        [
            "md17_a_real_daemon_in_every_state_of_a_module",
            "down_hung_and_garbage_are_critical_within_their_time",
            "down_hung_and_garbage_are_critical_within_their_time",
            "down_hung_and_garbage_are_critical_within_their_time",
            "ipv6_names_and_a_source_address",
            "ipv6_names_and_a_source_address",
            "the_password_stays_in_its_file",
        ],
    ),
    (
        "check_services",
        [
            "md17_units_are_judged_by_their_kind_and_state",
            "a_hung_or_missing_systemd_is_unknown",
            "a_hung_or_missing_systemd_is_unknown",
            "garbage_is_blindness",
            LOCAL,
            LOCAL,
            OPEN,
        ],
    ),
    (
        "check_sip",
        [
            "every_code_of_the_table_has_its_state",
            "down_hung_and_garbage",
            "down_hung_and_garbage",
            "down_hung_and_garbage",
            "ipv6_and_names",
            "ipv6_and_names",
            "the_password_stays_in_its_file",
        ],
    ),
    (
        "check_time",
        [
            "md17_a_real_server_with_the_right_and_with_a_wrong_time",
            "down_hung_garbage_and_forged",
            "down_hung_garbage_and_forged",
            "down_hung_garbage_and_forged",
            "ipv6_and_names",
            "ipv6_and_names",
            OPEN,
        ],
    ),
];

/// Texts of all Rust files below a folder, or of the file itself.
fn texts(place: &Path, into: &mut Vec<String>) {
    if place.is_dir() {
        for entry in std::fs::read_dir(place).unwrap() {
            texts(&entry.unwrap().path(), into);
        }
    } else if place.extension().is_some_and(|e| e == "rs") {
        into.push(std::fs::read_to_string(place).unwrap());
    }
}

#[test]
fn every_check_has_a_test_for_everything_that_may_befall_it() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    // Where a check's tests may be: beside it, here, in the lab; what several checks share is tested once.
    let of = |check: &str| -> Vec<String> {
        let module = check.strip_prefix("check_").unwrap();
        let mut places: Vec<PathBuf> =
            [format!("tests/plugins/{module}"), format!("plugins/checks/src/{module}")].iter().map(|p| top.join(p)).collect();
        places.extend([format!("tests/plugins/{module}.rs"), format!("plugins/checks/src/{module}.rs")].iter().map(|p| top.join(p)));
        places.extend(["tests/fence/check_fence.rs", "tests/lab/ready.rs"].iter().map(|p| top.join(p)));
        if module == "db_sync" {
            places.extend(["tests/plugins/db_query", "tests/plugins/db_query.rs"].iter().map(|p| top.join(p)));
        }
        if module == "master_alive" {
            places.push(top.join("tests/plugins/net.rs"));
        }
        let mut all = Vec::new();
        places.iter().filter(|p| p.exists()).for_each(|place| texts(place, &mut all));
        all
    };
    let rows: BTreeSet<&str> = PROOFS.iter().map(|(check, _)| *check).collect();
    assert_eq!(rows, CHECKS.iter().map(|(check, _, _)| *check).collect(), "a row for each check");
    for (check, proofs) in PROOFS {
        let sources = of(check);
        for (column, proof) in COLUMNS.iter().zip(proofs) {
            // `--nocapture` prints the table.
            eprintln!("{check:<24} {column:<8} {proof}");
            let test = format!("#[test]\nfn {proof}()");
            let found = sources.iter().any(|text| text.lines().map(str::trim).collect::<Vec<_>>().join("\n").contains(&test));
            assert!(found || proof.starts_with("- "), "{check}, {column}: there is no test {proof}");
        }
    }
}
