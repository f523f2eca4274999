/* In the place of two libraries that programs ask for, and that have nothing to say on this machine:
   what they answer where there is no systemd, and where no name is in another script. */

#include <errno.h>

#ifdef LIBSYSTEMD
#define UNKNOWN(name) int name(void); int name(void) { return -ENODATA; }
UNKNOWN(sd_pid_get_machine_name)
UNKNOWN(sd_pid_get_owner_uid)
UNKNOWN(sd_pid_get_session)
UNKNOWN(sd_pid_get_slice)
UNKNOWN(sd_pid_get_unit)
UNKNOWN(sd_pid_get_user_unit)
UNKNOWN(sd_session_get_seat)
#endif

#ifdef LIBIDN2
int idn2_lookup_ul(void);
int idn2_lookup_ul(void) { return -1; }
const char *idn2_strerror(int error);
const char *idn2_strerror(int error) { (void) error; return "names in other scripts are not known"; }
#endif
