//! The random calls of the model test.

use proptest::prelude::*;

/// One call. Numbers choose among what is there; what is not there is another call's business.
#[derive(Debug, Clone)]
pub(crate) enum Call {
    Enqueue { key: Option<u8>, priority: i32 },
    Claim,
    Start(usize),
    Heartbeat(usize),
    Complete(usize, End),
    Release(usize),
    Cancel(usize),
    LoseLease(usize),
    BecomeDue,
    Pause,
    Resume,
    Limit(i32),
}

/// How a worker ends an attempt.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    Success,
    User,
    Timeout,
    Invalid,
    Infra,
    Canceled,
}

impl End {
    /// Exit code and failure reason.
    pub(crate) fn arguments(self) -> (i32, Option<&'static str>) {
        match self {
            Self::Success => (0, None),
            Self::User => (1, None),
            Self::Timeout => (1, Some("timeout")),
            Self::Invalid => (1, Some("invalid")),
            Self::Infra => (1, Some("infra")),
            Self::Canceled => (1, Some("canceled")),
        }
    }
}

/// Any call, the useful ones more often.
pub(crate) fn any_call() -> impl Strategy<Value = Call> {
    let end = prop::sample::select(vec![
        End::Success,
        End::User,
        End::Timeout,
        End::Invalid,
        End::Infra,
        End::Canceled,
    ]);
    let number = 0..1000_usize;
    prop_oneof![
        6 => (prop::option::of(0..2_u8), prop::sample::select(vec![50, 100]))
            .prop_map(|(key, priority)| Call::Enqueue { key, priority }),
        8 => Just(Call::Claim),
        5 => number.clone().prop_map(Call::Start),
        1 => number.clone().prop_map(Call::Heartbeat),
        6 => (number.clone(), end).prop_map(|(number, end)| Call::Complete(number, end)),
        2 => number.clone().prop_map(Call::Release),
        2 => number.clone().prop_map(Call::Cancel),
        3 => number.prop_map(Call::LoseLease),
        2 => Just(Call::BecomeDue),
        1 => Just(Call::Pause),
        2 => Just(Call::Resume),
        1 => (0..3_i32).prop_map(Call::Limit),
    ]
}
