"""Who writes down what the staff did: taking a line away changes this table, too.

What a line says is tested where the act is; that none is forgotten, here, for all of them at once.
"""

import ast
from pathlib import Path

APP = Path(__file__).parents[2] / "app"
NOTING = ("staff_acts.note", "_note", "_note_ended", "_act")
EXPECTED = """
api/pages/desk_certificates:export_certificates
api/pages/desk_exports:export_rankings
api/pages/studio_activities:announce
cli/people:work
credit_bank/prior_learning:_note
credit_bank/prior_learning:approve
credit_bank/prior_learning:confirm
credit_bank/prior_learning:refuse
flows/activities:confirm_attendance
flows/auditing:note
flows/delivery_acts:_act
flows/delivery_acts:give_up
flows/delivery_acts:mark_sent
flows/delivery_acts:retry
flows/editorial:note_act
flows/inbound:replay_by
flows/learning_groups:_note
flows/learning_groups:change
flows/learning_groups:end
flows/learning_groups:register
flows/lesson_desk:_note
flows/lesson_desk:keep
flows/lesson_desk:publish
flows/lesson_desk:withdraw
flows/meeting:_note
flows/meeting:merge
flows/meeting:unmerge
flows/organisation_file:load
flows/publishing_calendar:_note
flows/publishing_calendar:change_plan
flows/publishing_calendar:close_day
flows/publishing_calendar:open_day
flows/reversal:reverse
flows/rule_changes:publish
flows/seeing:_note
flows/seeing:state_reason_for_person
flows/seeing:state_reason_for_place
flows/tasks:_note
flows/tasks:drop
flows/tasks:finish
people/offices:_note
people/offices:end
people/offices:grant
people/persons:correct_village
people/web_sessions:_note_ended
people/web_sessions:end_device
people/web_sessions:end_others
people/web_sessions:sign_in
people/web_sessions:sign_out
"""


def places() -> set[str]:
    """package/file:function, of each function that writes an act down itself or by a neighbour."""
    found = set()
    for path in sorted(APP.rglob("*.py")):
        text = path.read_text("utf-8")
        if "staff_acts.note(" not in text:
            continue
        for function in ast.walk(ast.parse(text)):
            if not isinstance(function, ast.AsyncFunctionDef):
                continue
            calls = [call for call in ast.walk(function) if isinstance(call, ast.Call)]
            if any(ast.unparse(call.func) in NOTING for call in calls):
                found.add(f"{path.relative_to(APP).with_suffix('')}:{function.name}")
    return found


def test_no_act_of_the_staff_is_forgotten() -> None:
    assert places() == set(EXPECTED.split())
