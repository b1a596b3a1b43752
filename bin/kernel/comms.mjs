// Jupyter's comms, over which controls (lib/report/widgets.ts) speak with the program that shows them. Both threads know
// them: the main one has what is called when a control is moved, the other one keeps what each looks like, so that it can tell
// a browser that comes back while a cell computes (https://jupyter-widgets.readthedocs.io, "messages").

import { randomUUID } from 'node:crypto';
import { LISTENED } from './shared.mjs';

/** What shows controls opens a comm of this name, over which it asks for all that there are. */
const CONTROL = 'jupyter.widget.control';

/**
 * The main thread's side.
 *
 * @param {(kind: string, content: object, metadata?: object) => void} publish
 */
export function createComms(publish, shared) {
  const heard = new Map();
  return {
    /** What lib/report/widgets.ts is offered. */
    offered: {
      get listened() {
        return Atomics.load(shared, LISTENED) === 1;
      },
      open(target, data, metadata, onMessage) {
        const id = randomUUID();
        heard.set(id, onMessage);
        publish('comm_open', { comm_id: id, target_name: target, data }, metadata);
        return { id, send: (update) => publish('comm_msg', { comm_id: id, data: update }) };
      },
    },
    /** Hands a message to whoever opened the comm; what comes of it. */
    deliver: (id, data) => heard.get(id)?.(data),
  };
}

/** The other thread's side: every comm that a cell has opened, with its target, its state, and the header of the cell's request. */
export function createCommRegistry(shared) {
  const comms = new Map();
  const controls = new Set();

  const stateOf = ({ state }) => ({
    model_name: state._model_name,
    model_module: state._model_module,
    model_module_version: state._model_module_version,
    state,
  });

  return {
    /** Keeps what the main thread sends. */
    sent(kind, { comm_id: id, target_name: target, data }, header) {
      if (kind === 'comm_open') comms.set(id, { target, header, state: { ...data.state } });
      else Object.assign(comms.get(id).state, data.state);
    },
    /** The comm that a message is for, if a cell has opened it. */
    find: ({ comm_id: id }) => comms.get(id),
    /** Comms by their numbers, those of one target if one is named. */
    info(target) {
      const named = [...comms].filter(([, comm]) => target === undefined || comm.target === target);
      return Object.fromEntries(named.map(([id, comm]) => [id, { target_name: comm.target }]));
    },
    /**
     * Takes a message in.
     *
     * @returns what is to be published for it at once, as a kind and a content; undefined if that is nothing.
     */
    heard(type, { comm_id: id, target_name: target, data }) {
      if (type === 'comm_open') {
        // Nothing here is at the other end of any other.
        if (target !== CONTROL) return ['comm_close', { comm_id: id, data: {} }];
        controls.add(id);
        Atomics.store(shared, LISTENED, 1);
      } else if (type === 'comm_close') {
        controls.delete(id);
        comms.delete(id);
      } else if (controls.has(id) && data.method === 'request_states') {
        const states = Object.fromEntries([...comms].map(([each, comm]) => [each, stateOf(comm)]));
        return ['comm_msg', { comm_id: id, data: { method: 'update_states', states, buffer_paths: [] } }];
      } else if (comms.has(id)) {
        const { state } = comms.get(id);
        if (data.method === 'request_state')
          return ['comm_msg', { comm_id: id, data: { method: 'update', state, buffer_paths: [] } }];
        if (data.method === 'update') Object.assign(state, data.state);
      }
      return undefined;
    },
  };
}
