/** All components, in one import. */
export { AgentChip, Avatar, Recipients, hue } from './agent-chip.js';
export { Badge, DOINGS, Doing, Mark, Status, doingOf } from './badge.js';
export { Button, LinkButton } from './button.js';
export { Card, PageHead, Stat, Stats } from './card.js';
export { BarChart, Meter, Sparkline } from './charts.js';
export { Confirm, Dialog } from './dialog.js';
export { DiffView } from './diff-view.js';
export { Check, Field, Select, TextArea, TextField } from './field.js';
export { JsonView } from './json-view.js';
export { MessageLine } from './message-line.js';
export { Markdown } from './markdown.js';
export { Empty, Failure, Loaded, Loading } from './state.js';
export { Table, useNarrow } from './table.js';
export { Tabs } from './tabs.js';
export { Line, Name, Text } from './text.js';
export { Time } from './time.js';
export { Toasts, say, sayError } from './toast.js';
export { Icon } from '../icons.js';
