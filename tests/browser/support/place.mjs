/** An organisation in a folder of its own, made and moved by the command line alone. */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { root } from './packages.mjs';

/** The program under test. */
export const program = process.env.LEMMING_BIN ?? join(root, 'target/debug/lemming');

/** What every process of the program gets: nothing of this machine's settings, and times in UTC. */
export function environment() {
  return { PATH: process.env.PATH, HOME: process.env.HOME, TMPDIR: tmpdir(), LEMMING_LOG: 'warn', NO_COLOR: '1', TZ: 'UTC' };
}

export class Place {
  /** @param {string} store the folder of the organisation */
  constructor(store) {
    this.store = store;
  }

  /**
   * Runs a command, and gives what it printed. One that ends with another code than 0 is an error.
   * @param {...string} args
   * @returns {Promise<string>}
   */
  async says(...args) {
    const { code, stdout, stderr } = await this.run(...args);
    if (code !== 0) throw new Error(`lemming ${args.join(' ')} ended with ${code}: ${stderr.slice(-2_000)}`);
    return stdout;
  }

  /**
   * Runs a command, however it ends.
   * @param {...string} args
   * @returns {Promise<{ code: number, stdout: string, stderr: string }>}
   */
  run(...args) {
    return new Promise((resolve, reject) => {
      const options = { env: environment(), maxBuffer: 256 << 20 };
      execFile(program, [...args, '--store', this.store], options, (error, stdout, stderr) => {
        if (error && typeof error.code !== 'number') reject(error);
        else resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
      });
    });
  }

  /**
   * The document that a command prints with `--json`.
   * @param {...string} args
   */
  async json(...args) {
    return JSON.parse(await this.says(...args, '--json'));
  }

  /** @param {number} ticks */
  async ticks(ticks) {
    for (let i = 0; i < ticks; i += 1) await this.says('tick');
  }

  /**
   * Writes a file that people write.
   * @param {string} path
   * @param {unknown} content text as it is, anything else as JSON
   */
  async write(path, content) {
    const target = join(this.store, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, typeof content === 'string' ? content : JSON.stringify(content, null, 2));
  }

  /**
   * Reads a JSON file.
   * @param {string} path
   */
  async read(path) {
    return JSON.parse(await readFile(join(this.store, path), 'utf8'));
  }

  /**
   * A second organisation that is what this one is now.
   * @param {string} name of its folder, beside this one
   */
  async copy(name) {
    const store = join(dirname(this.store), name);
    await cp(this.store, store, { recursive: true });
    return new Place(store);
  }
}

/** A new folder for organisations. `remove` takes it away. */
export async function ground() {
  const folder = await mkdtemp(join(tmpdir(), 'lemming-browser-'));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}
