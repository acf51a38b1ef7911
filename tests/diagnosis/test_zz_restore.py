import json, pytest
from stored import stored, found_in, differs
CASES=[c for c in stored() if c.task.endswith("numpy") and not c.test.startswith("test_published")]
@pytest.mark.parametrize("part", range(40))
def test_it(diagnosed, part):
    with open(f"/tmp/rest.{part}","w") as f:
        for c in CASES[part::40]:
            now=found_in(diagnosed(c.text,c.task,c.seed))
            d=differs(c.found,now)
            if d: f.write(json.dumps([c.test,c.task,c.seed,c.text,d,dict(now.points)])+"\n")
