/**
 * Starts the dashboard: theme first, so that nothing flashes, then the session, then the page.
 */
import { h, render } from './lib/preact.js';
import { App } from './app.js';
import { startTheme } from './lib/theme.js';
import { startRouter } from './router.js';
import { startAttention } from './lib/attention.js';
import { startSession } from './lib/session.js';

startTheme();
startRouter();
startSession();
startAttention();
const place = document.getElementById('app');
if (place) render(h(App, null), place);
