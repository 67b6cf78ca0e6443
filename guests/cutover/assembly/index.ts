/**
 * A guest that moves names to another target at a moment: before it they have what the old target has, of
 * whatever type was asked for, and from it on what the new one has. Its configuration:
 *
 * - `at`: the moment, in seconds of Unix time
 * - `old`, `new`: names of the zone, or of a zone granted
 *
 * It asks for the moment alone and not for the time, so that its answers are kept until then and change at once.
 */

import { Answer, Config, configure, handle, Name, Query, Status, Type } from "namelet";
export * from "namelet/exports";

let moment: i64 = 0;
let before: Name = new Name(0, 0);
let after: Name = new Name(0, 0);

configure((c: Config): bool => {
  const at = c.get("at"), from = c.get("old"), to = c.get("new");
  if (c.size != 3 || !at || !from || !to || !isSeconds(at)) return false;
  const source = Name.parse(from), target = Name.parse(to);
  if (!source || !target) return false;
  moment = I64.parseInt(at);
  before = source;
  after = target;
  return true;
});

/** Whether a text is 1 to 18 digits, which no 64 bits are too few for. */
function isSeconds(text: string): bool {
  if (text.length == 0 || text.length > 18) return false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 48 || c > 57) return false;
  }
  return true;
}

handle((q: Query, a: Answer): void => {
  const early = q.before(moment);
  if (early < 0) return a.fail(early);
  const target = early ? before : after;
  const found = q.lookup(target, q.type);
  if (found >= 0) return a.rrset(q.type, found);
  if (found == Status.CNAME || found == Status.DENIED) return a.name(Type.CNAME, target);
  if (found == Status.NODATA || found == Status.NXDOMAIN) return a.nodata();
  a.fail(found);
});
