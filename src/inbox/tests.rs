//! Reading mails, from raw bytes.
