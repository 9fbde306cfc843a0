//! The values specs pass around. All of them hold plain data, so they survive freezing and cross threads.

mod assumption;
mod hole;
mod native;
mod pattern;
mod response;
mod rule;
mod service;

pub(super) use assumption::AssumptionValue;
pub(super) use hole::Hole;
pub(crate) use native::not_supported;
pub(super) use native::{Expectation, ExpectationKind, Native, NotSupported};
pub(super) use pattern::PatternValue;
pub(super) use response::ResponseValue;
pub(super) use rule::{FaultValue, Given, GivenPattern, OpValue, RuleArg, RuleValue};
pub(super) use service::{HealthcheckValue, InterfaceRef, InterfaceValue, ServiceValue, StepMethod};
