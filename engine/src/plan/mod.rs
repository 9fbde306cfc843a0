//! Tests times faults to leaves; selection; placement of services in namespaces.
