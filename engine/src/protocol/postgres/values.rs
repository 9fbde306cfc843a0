//! PostgreSQL's text form of a value as data.

use serde_json::{Number, Value};
use tokio_postgres::types::Type;

/// The value a spec sees: numbers, booleans, JSON and NULL as such, everything else as PostgreSQL writes it.
pub(super) fn value_of(text: Option<&str>, ty: Option<&Type>) -> Value {
    let Some(text) = text else { return Value::Null };
    let as_text = || Value::String(text.to_owned());
    let Some(ty) = ty else { return as_text() };
    match *ty {
        Type::BOOL => Value::Bool(text == "t"),
        Type::INT2 | Type::INT4 | Type::INT8 | Type::OID => {
            text.parse::<i64>().map_or_else(|_| as_text(), Value::from)
        }
        Type::FLOAT4 | Type::FLOAT8 => float(text).unwrap_or_else(as_text),
        // A sum of ints is numeric; one that a float cannot hold stays text rather than lose digits.
        Type::NUMERIC => match text.parse::<i64>() {
            Ok(int) => Value::from(int),
            Err(_) if text.len() <= 15 => float(text).unwrap_or_else(as_text),
            Err(_) => as_text(),
        },
        Type::JSON | Type::JSONB => serde_json::from_str(text).unwrap_or_else(|_| as_text()),
        _ => as_text(),
    }
}

fn float(text: &str) -> Option<Value> {
    text.parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_have_the_type_of_their_column() {
        let check =
            |text, ty: Type, value: Value| assert_eq!(value_of(Some(text), Some(&ty)), value, "{text} {ty}");
        check("t", Type::BOOL, json!(true));
        check("-7", Type::INT8, json!(-7));
        check("1.5", Type::FLOAT8, json!(1.5));
        check("NaN", Type::FLOAT8, json!("NaN"));
        check("12.50", Type::NUMERIC, json!(12.5));
        check("3", Type::NUMERIC, json!(3));
        check("0.12345678901234567890", Type::NUMERIC, json!("0.12345678901234567890"));
        check(r#"{"a": [1]}"#, Type::JSONB, json!({"a": [1]}));
        check("2026-11-23 10:00:00", Type::TIMESTAMP, json!("2026-11-23 10:00:00"));
        check("7", Type::TEXT, json!("7"));
        assert_eq!(value_of(None, Some(&Type::INT4)), Value::Null);
        assert_eq!(value_of(Some("7"), None), json!("7"));
    }
}
