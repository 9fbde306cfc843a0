//! Editor answers as plain data, one file each.
