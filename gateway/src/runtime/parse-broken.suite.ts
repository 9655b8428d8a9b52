// A parsing thread for tests whose program cannot be loaded.
throw new Error('no such program');
