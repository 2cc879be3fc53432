//! A linter over finished plans: what no plan may contain, whatever it was made from.

use crate::baseline::other_half;
use crate::catalogue::Kind;
use crate::diff::LiveStatus;
use crate::key::Selector;

use super::Plan;

/// Everything that is wrong with a plan; empty for every plan that [`super::plan`] makes.
pub fn faults(plan: &Plan) -> Vec<String> {
    let mut faults = Vec::new();
    let mut seen = Vec::new();
    for step in &plan.steps {
        let item = plan.item(&step.key);
        let Some(item) = item else {
            faults.push(format!("{} is written, and neither desired nor given back", step.key));
            continue;
        };
        if item.waived() {
            faults.push(format!("{} is waived and written", step.key));
        }
        // What is raised in steps comes to what is desired with the last one.
        let risen = plan.steps.iter().rfind(|s| s.key == step.key).filter(|_| step.rung);
        let value = &risen.unwrap_or(step).value;
        if !item.desired.requirement.satisfied_by(item.desired.shape, value) {
            faults.push(format!("{} is written with a value that is not desired", step.key));
        }
        if let Some(half) = other_half(&Selector::Key(step.key.clone()))
            && seen.contains(&half)
        {
            faults.push(format!("{} and {half} are both written", step.key));
        }
        if step.value.contains('\n') {
            faults.push(format!("{} is written with more than one line", step.key));
        }
        seen.push(step.key.clone());
    }
    for item in &plan.items {
        let key = &item.desired.key;
        if item.desired.known.is_some_and(|p| p.kind() == Kind::Action) {
            faults.push(format!("{key} is an action among the parameters"));
        }
        if item.persisted.is_some() && (item.waived() || item.live_status == LiveStatus::Absent) {
            faults.push(format!("{key} is persisted and should not be"));
        }
        if item.write && !seen.contains(key) {
            faults.push(format!("{key} should be written, and no step does it"));
        }
    }
    let lines = || plan.files().flat_map(|file| &file.lines);
    for line in lines() {
        if let Some(value) = line.value()
            && value.contains(['\n', '\r', '\0'])
        {
            faults.push(format!("{} is persisted with more than one line", line.selector));
        }
    }
    for action in &plan.baseline.actions {
        let key = Selector::Key(action.key.clone());
        if lines().any(|l| l.selector == key) {
            faults.push(format!("the action {} is persisted", action.key));
        }
    }
    faults
}
