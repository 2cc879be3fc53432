//! Reading, layering and resolving baselines, case by case.
