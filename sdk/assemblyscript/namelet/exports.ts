/** What the host calls (SPEC.md section 2). A guest's assembly/index.ts exports all of it. */

import { buffers, decide, init } from "./index";

export function namelet_abi_1(): void {}

export function namelet_buffers(): usize {
  return buffers();
}

export function namelet_init(length: i32): i32 {
  return init();
}

export function namelet_answer(length: i32): i32 {
  return decide();
}

/** Nothing of a guest is on the stack between queries, so that all that no global holds is garbage. */
export function namelet_idle(reason: i32): void {
  __collect();
}
