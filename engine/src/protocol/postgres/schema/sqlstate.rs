//! SQLSTATE codes people inject, with the names PostgreSQL's manual gives them (appendix A).

/// One error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqlState {
    /// Five letters or digits.
    pub code: &'static str,
    /// The condition's name.
    pub name: &'static str,
    /// True when the server ends the session with it.
    pub fatal: bool,
}

/// The table's row for a code, if it has one; other codes are fine to inject.
pub fn sqlstate(code: &str) -> Option<&'static SqlState> {
    SQLSTATES.iter().find(|state| state.code == code)
}

/// True when a server would take the text for a code: five digits or upper-case letters.
pub fn is_sqlstate(code: &str) -> bool {
    code.len() == 5 && code.bytes().all(|c| c.is_ascii_digit() || c.is_ascii_uppercase())
}

const fn error(code: &'static str, name: &'static str) -> SqlState {
    SqlState { code, name, fatal: false }
}

const fn fatal(code: &'static str, name: &'static str) -> SqlState {
    SqlState { code, name, fatal: true }
}

/// In the order of the manual.
pub static SQLSTATES: &[SqlState] = &[
    error("08000", "connection_exception"),
    error("08003", "connection_does_not_exist"),
    fatal("08006", "connection_failure"),
    error("08P01", "protocol_violation"),
    error("0A000", "feature_not_supported"),
    error("21000", "cardinality_violation"),
    error("22001", "string_data_right_truncation"),
    error("22003", "numeric_value_out_of_range"),
    error("22007", "invalid_datetime_format"),
    error("22008", "datetime_field_overflow"),
    error("22012", "division_by_zero"),
    error("22021", "character_not_in_repertoire"),
    error("22023", "invalid_parameter_value"),
    error("22P02", "invalid_text_representation"),
    error("23000", "integrity_constraint_violation"),
    error("23502", "not_null_violation"),
    error("23503", "foreign_key_violation"),
    error("23505", "unique_violation"),
    error("23514", "check_violation"),
    error("23P01", "exclusion_violation"),
    error("24000", "invalid_cursor_state"),
    error("25001", "active_sql_transaction"),
    error("25006", "read_only_sql_transaction"),
    error("25P01", "no_active_sql_transaction"),
    error("25P02", "in_failed_sql_transaction"),
    fatal("25P03", "idle_in_transaction_session_timeout"),
    error("26000", "invalid_sql_statement_name"),
    fatal("28000", "invalid_authorization_specification"),
    fatal("28P01", "invalid_password"),
    error("34000", "invalid_cursor_name"),
    fatal("3D000", "invalid_catalog_name"),
    error("3F000", "invalid_schema_name"),
    error("40000", "transaction_rollback"),
    error("40001", "serialization_failure"),
    error("40002", "transaction_integrity_constraint_violation"),
    error("40003", "statement_completion_unknown"),
    error("40P01", "deadlock_detected"),
    error("42501", "insufficient_privilege"),
    error("42601", "syntax_error"),
    error("42703", "undefined_column"),
    error("42710", "duplicate_object"),
    error("42804", "datatype_mismatch"),
    error("42883", "undefined_function"),
    error("42P01", "undefined_table"),
    error("42P05", "duplicate_prepared_statement"),
    error("42P07", "duplicate_table"),
    error("53000", "insufficient_resources"),
    error("53100", "disk_full"),
    error("53200", "out_of_memory"),
    fatal("53300", "too_many_connections"),
    error("53400", "configuration_limit_exceeded"),
    error("54000", "program_limit_exceeded"),
    error("54001", "statement_too_complex"),
    error("55000", "object_not_in_prerequisite_state"),
    error("55006", "object_in_use"),
    error("55P03", "lock_not_available"),
    error("57014", "query_canceled"),
    fatal("57P01", "admin_shutdown"),
    fatal("57P02", "crash_shutdown"),
    fatal("57P03", "cannot_connect_now"),
    fatal("57P05", "idle_session_timeout"),
    error("58000", "system_error"),
    error("58030", "io_error"),
    error("58P01", "undefined_file"),
    error("72000", "snapshot_too_old"),
    error("P0001", "raise_exception"),
    error("XX000", "internal_error"),
    error("XX001", "data_corrupted"),
    error("XX002", "index_corrupted"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_well_formed_and_in_order() {
        assert!(SQLSTATES.iter().all(|state| is_sqlstate(state.code)));
        assert!(SQLSTATES.is_sorted_by(|a, b| a.code < b.code));
        assert_eq!(sqlstate("40P01").map(|state| state.name), Some("deadlock_detected"));
        assert!(sqlstate("57P01").is_some_and(|state| state.fatal));
        assert_eq!(sqlstate("00000"), None);
        assert!(!is_sqlstate("40p01") && !is_sqlstate("4000") && !is_sqlstate("400011"));
    }
}
