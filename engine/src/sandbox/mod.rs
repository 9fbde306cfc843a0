//! Linux namespaces, overlays, reaping.
