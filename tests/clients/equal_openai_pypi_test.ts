import type { Heard } from "./equal_wishes.ts";
import { pythonProgram } from "./python_client.ts";
import { missing } from "./python_packages.ts";
import { testEqual } from "./test_equal.ts";

const say = pythonProgram<Heard>("openai_equal.py");

testEqual("PyPI openai", (wish, at) => say({ ...at, wish }), { ignore: missing !== undefined });
