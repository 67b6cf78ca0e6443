// Compiles guests in AssemblyScript in one process: the compiler takes longer to warm up than for one of them.
// Argument: the compiler's command. Standard input: a JSON array with the arguments of each guest.
import { realpathSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

const library = join(dirname(realpathSync(process.argv[2])), "..", "dist", "asc.js");
const asc = await import(pathToFileURL(library));
for (const args of JSON.parse(readFileSync(0, "utf8"))) {
  const { error, stderr } = await asc.main(args);
  if (error) {
    console.error(`asc ${args.join(" ")}: ${error.message}\n${stderr}`);
    process.exit(1);
  }
}
