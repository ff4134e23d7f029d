//! Buckets in clouds, as far as a machine without one can tell: who signs, with which keys and options, against peers on
//! loopback that are STS, a container's and an instance's credentials, the SSO portal and the bucket itself.

mod aws;
mod options;
mod peer;
mod program;
mod sources;
