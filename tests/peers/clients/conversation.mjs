// How the clients here talk with a test: one JSON object a line. They say what a person must do and hear how it went.
import { createInterface } from 'node:readline';

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

async function hear() {
  const { value, done } = await lines.next();
  if (done) process.exit(1);
  return JSON.parse(value);
}

/** The person: opens an address and brings the callback's address back, or types a device code. */
export const person = {
  async open(url) {
    say({ open: String(url) });
    return new URL((await hear()).callback);
  },
  async type(userCode) {
    say({ user_code: userCode });
    await hear();
  },
};

/** Run the flow that the first line names with its settings; the last line is its result or its error. */
export async function converse(flows) {
  const { flow, ...settings } = await hear();
  try {
    say({ result: await flows[flow](settings) });
  } catch (error) {
    const cause = error.cause instanceof Error ? error.cause.message : error.cause;
    say({ error: error.error ?? error.code ?? error.name, message: error.message, cause });
  }
  process.exit(0);
}
