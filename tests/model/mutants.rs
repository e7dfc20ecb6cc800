//! The rules whose absence the model has to notice.

use crate::world::Mutant;

/// All of them.
pub const ALL: &[Mutant] = &[
    Mutant::AcceptedIsFenced,
    Mutant::StartsAtBoot,
    Mutant::BootsAloneAsMaster,
    Mutant::ForceWithoutOff,
    Mutant::NoWitness,
    Mutant::AbandonAfterSent,
    Mutant::RollBackAfterDemoted,
    Mutant::RetiredForgets,
];
