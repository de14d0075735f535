import { assertEquals } from "@std/assert";
import { nearest } from "../../../src/config/nearest.ts";

const KEYS = ["name", "url", "models", "weight", "max_in_flight", "api_key"];

Deno.test("nearest finds the key behind a slip of the finger", () => {
  assertEquals(nearest("wieght", KEYS), "weight");
  assertEquals(nearest("wight", KEYS), "weight");
  assertEquals(nearest("model", KEYS), "models");
  assertEquals(nearest("ulr", KEYS), "url");
});

Deno.test("nearest finds the key behind another way of writing it", () => {
  assertEquals(nearest("maxInFlight", KEYS), "max_in_flight");
  assertEquals(nearest("API-KEY", KEYS), "api_key");
  assertEquals(nearest("warning", ["debug", "warn"]), "warn");
});

Deno.test("nearest finds nothing where nothing is near", () => {
  assertEquals(nearest("colour", KEYS), undefined);
  assertEquals(nearest("", KEYS), undefined);
  assertEquals(nearest("x".repeat(100_000), KEYS), undefined);
  assertEquals(nearest("name", []), undefined);
});
