/** `lemming serve`, on a free port of the loopback address. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { environment, program } from './place.mjs';

export class Server {
  /** @type {import('node:child_process').ChildProcess} */
  #process;

  /**
   * @param {import('node:child_process').ChildProcess} process
   * @param {string} origin
   */
  constructor(process, origin) {
    this.#process = process;
    /** Where it listens, such as `http://127.0.0.1:41234`. */
    this.origin = origin;
  }

  /**
   * Starts one, and waits until it listens.
   * @param {string} store an organisation, or a folder of several
   * @param {{ port?: number, args?: string[] }} [options]
   */
  static async start(store, { port = 0, args = [] } = {}) {
    const words = ['serve', '--json', '--port', String(port), '--store', store, ...args];
    const process = spawn(program, words, { env: environment(), stdio: ['ignore', 'pipe', 'pipe'] });
    let log = '';
    process.stderr.setEncoding('utf8').on('data', (text) => (log = (log + text).slice(-8_000)));
    const line = await new Promise((resolve, reject) => {
      let printed = '';
      process.stdout.setEncoding('utf8').on('data', (text) => {
        printed += text;
        if (printed.includes('\n')) resolve(printed);
      });
      process.once('error', reject);
      process.once('close', (code) => reject(new Error(`the server ended with ${code}: ${log}`)));
    });
    const origin = JSON.parse(line).listening;
    return new Server(process, origin.startsWith('http') ? origin : `http://${origin}`);
  }

  /** Its port, to start another one there. */
  get port() {
    return Number(new URL(this.origin).port);
  }

  /** Stops it, and waits until it is gone. */
  async stop() {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, 'close');
    this.#process.kill('SIGTERM');
    // A page that listens keeps its stream open: the second signal ends the server at once.
    const impatient = setTimeout(() => this.#process.kill('SIGTERM'), 500);
    await ended;
    clearTimeout(impatient);
  }
}
