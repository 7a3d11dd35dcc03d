/* What a service manager is told (sd_notify(3)): one datagram to $NOTIFY_SOCKET. */
#ifndef AVOW_PROC_NOTIFY_H
#define AVOW_PROC_NOTIFY_H

/* Sends `state` ("READY=1", "STOPPING=1", lines of KEY=VALUE). Nothing happens without $NOTIFY_SOCKET, and a failure is
   no reason to stop: the manager has its own time-outs. */
void notify(const char *state);

#endif
