import { expect, test } from "vitest";
import type { JobInfo } from "../api/client";
import { doneText, jobText } from "./words";

const JOB: JobInfo = { id: 1, kind: "layer_map", parameters: { layer: "features.3" }, state: "queued", done: 0, total: 0, message: "", rate: 0, seconds_left: null };

test("a job says what it does before its process does", () => {
  expect(jobText(JOB)).toBe("Drawing the map of layer features.3");
  expect(jobText({ ...JOB, state: "running", message: "starting" })).toBe("Drawing the map of layer features.3");
  expect(jobText({ ...JOB, parameters: { layer: "head of round 3" } })).toBe("Drawing the map of the head of round 3");
  expect(jobText({ ...JOB, kind: "learn", parameters: {} })).toBe("Learning from the labels");
  expect(jobText({ ...JOB, kind: "another", parameters: {} })).toBe("Working");
});

test("what its process says counts more", () => {
  expect(jobText({ ...JOB, message: "placing the images that came since" })).toBe("Placing the images that came since");
});

test("how far a round is reads as a share, any other job as steps", () => {
  expect(doneText({ ...JOB, kind: "learn", done: 87, total: 100 })).toBe("87 %");
  expect(doneText({ ...JOB, done: 60, total: 1250 })).toBe("60 / 1,250");
});
