//! What holds for any history of runs and people.
