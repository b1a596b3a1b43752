/** The `zarts` command without the look at the set-up that bin/zarts.mjs begins with: what tests start many processes of. */
import { main } from '../../bin/cli/main.js';

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
