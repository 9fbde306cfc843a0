//! A diagnostic as text or JSON, one file per form.
